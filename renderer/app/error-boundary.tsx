import { RotateCw } from 'lucide-react';
import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Button, CopyButton, EmptyState } from '../ui';
import styles from './error-boundary.module.css';

export interface ErrorBoundaryProps {
  /** What failed, as in `The chat`. */
  readonly name: string;
  readonly children: ReactNode;
}

interface ErrorBoundaryState {
  readonly failure: Error | null;
}

/** Keeps a mistake in one part of the page from taking the others down. Sessions live in the host anyway. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { failure: null };

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { failure: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    // eslint-disable-next-line no-console -- the page has no other log, and React has no name for the part
    console.error(`${this.props.name} failed`, error, info.componentStack);
  }

  override render(): ReactNode {
    const { failure } = this.state;
    if (!failure) return this.props.children;
    const report = failure.stack ?? failure.message;
    return (
      <EmptyState
        title={`${this.props.name} has failed`}
        description="This is a mistake in the app. Your terminals, answers and files are kept by the host and are not affected."
        actions={
          <>
            <Button
              variant="primary"
              icon={<RotateCw size={14} />}
              onClick={() => this.setState({ failure: null })}
            >
              Show it again
            </Button>
            <Button onClick={() => location.reload()}>Reload the window</Button>
          </>
        }
      >
        <div className={styles.report}>
          <pre className={styles.text}>{report}</pre>
          <CopyButton text={report} label="Copy report" />
        </div>
      </EmptyState>
    );
  }
}
