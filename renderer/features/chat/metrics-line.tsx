import type { ChatMessage } from '../../../electron/contract';
import { formatCount, formatDuration } from '../../lib/format';
import styles from './message.module.css';
import { runtimeNames } from './models-text';

/** Speed, time to the first token, size and model of an answer; what the runtime did not tell is left out. */
export function MetricsLine({ message }: { readonly message: ChatMessage }) {
  const { metrics, model } = message;
  const parts = [
    metrics?.tokensPerSecond ? `${metrics.tokensPerSecond.toFixed(1)} tokens/s` : null,
    metrics?.timeToFirstTokenMs != null
      ? `${formatDuration(metrics.timeToFirstTokenMs)} to first token`
      : null,
    metrics?.answerTokens != null ? `${formatCount(metrics.answerTokens)} tokens` : null,
    model ? `${model.name} (${runtimeNames[model.runtime]})` : null,
    message.status === 'stopped' ? 'stopped' : null,
    metrics?.finishReason === 'length' ? 'cut off at the token limit' : null,
  ].filter(Boolean);
  if (parts.length === 0) return null;
  return <p className={styles.metrics}>{parts.join(' · ')}</p>;
}
