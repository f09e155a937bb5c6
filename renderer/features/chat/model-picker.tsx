import { Boxes, ChevronDown, Download } from 'lucide-react';
import type { Model, ModelList, ModelReference, Runtime } from '../../../electron/contract';
import { Button, Menu, MenuItem, MenuLabel, MenuSeparator, StatusDot } from '../../ui';
import { describeLoad, describeModel, runtimeNames, sameModel } from './models-text';
import styles from './model-picker.module.css';

const usual: readonly Runtime[] = ['llama-cpp', 'ollama'];

export interface ModelPickerProps {
  readonly list: ModelList | null;
  readonly selected: ModelReference | null;
  readonly onSelect: (model: ModelReference) => void;
  readonly onManage: () => void;
}

/** Which model answers, and how each one is right now. */
export function ModelPicker({ list, selected, onSelect, onManage }: ModelPickerProps) {
  const current = list?.models.find((model) => sameModel(model.reference, selected)) ?? null;
  const load = current ? describeLoad(current.load) : null;
  return (
    <Menu
      side="top"
      trigger={
        <Button
          variant="ghost"
          size="small"
          className={styles.trigger}
          aria-label={triggerName(selected, load?.label)}
        >
          <span className={styles.name}>{selected ? selected.name : 'Choose a model'}</span>
          {load && load.label !== 'not loaded' && (
            <span className={styles.state}>
              <StatusDot tone={load.tone} pulsing={load.label === 'loading…'} /> {load.label}
            </span>
          )}
          {selected && !current && list && <span className={styles.state}>not there</span>}
          <ChevronDown size={13} aria-hidden />
        </Button>
      }
    >
      {(list?.runtimes.map(({ runtime }) => runtime) ?? usual).map((runtime) => (
        <RuntimeModels key={runtime} runtime={runtime} list={list} selected={selected} onSelect={onSelect} />
      ))}
      <MenuSeparator />
      <MenuItem icon={<Download />} onSelect={onManage}>
        Pull, import and manage models…
      </MenuItem>
    </Menu>
  );
}

function triggerName(selected: ModelReference | null, load: string | undefined): string {
  return selected ? `Model: ${selected.name}${load ? `, ${load}` : ''}` : 'Choose a model';
}

function RuntimeModels({
  runtime,
  list,
  selected,
  onSelect,
}: Pick<ModelPickerProps, 'list' | 'selected' | 'onSelect'> & { readonly runtime: Runtime }) {
  const state = list?.runtimes.find((entry) => entry.runtime === runtime);
  const models = list?.models.filter((model) => model.reference.runtime === runtime) ?? [];
  return (
    <>
      <MenuLabel>
        {runtimeNames[runtime]}
        {state?.state === 'unavailable' ? ` – ${state.error?.message ?? 'not available'}` : ''}
      </MenuLabel>
      {models.map((model) => (
        <MenuItem
          key={model.reference.name}
          icon={sameModel(model.reference, selected) ? <Boxes /> : <span />}
          description={modelLine(model)}
          onSelect={() => onSelect(model.reference)}
        >
          {model.reference.name}
        </MenuItem>
      ))}
      {models.length === 0 && state?.state === 'ready' && <p className={styles.none}>No models yet</p>}
    </>
  );
}

function modelLine(model: Model): string {
  return [describeModel(model), describeLoad(model.load).label].filter(Boolean).join(' · ');
}
