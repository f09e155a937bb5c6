/** The presentational primitives. They know React, Radix, lucide and contract types, and no store or client. */
export { Badge, type BadgeProps } from './badge';
export { Banner, type BannerProps, type BannerTone } from './banner';
export { Button, type ButtonProps, type ButtonVariant, type ControlSize } from './button';
export { Checkbox, type CheckboxProps } from './checkbox';
export { ConfirmDialog, type ConfirmDialogProps } from './confirm-dialog';
export { CopyableCommand } from './copyable-command';
export { CopyButton, type CopyButtonProps } from './copy-button';
export { Dialog, type DialogProps } from './dialog';
export { EmptyState, type EmptyStateProps } from './empty-state';
export { ErrorBanner, type ErrorBannerProps } from './error-banner';
export { Facts, type FactsProps } from './facts';
export { Field, type FieldControlProps, type FieldTexts } from './field';
export { IconButton, type IconButtonProps } from './icon-button';
export { KeyHint } from './key-hint';
export {
  Menu,
  MenuCheckboxItem,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuSeparator,
  SubMenu,
  type MenuCheckboxItemProps,
  type MenuItemProps,
  type MenuProps,
  type MenuRadioGroupProps,
  type SubMenuProps,
} from './menu';
export { NoticeProvider, useNotify, type Notice, type Notify } from './notices';
export { PaneChromeProvider } from './pane-chrome';
export { PanelHeader, type PanelHeaderProps } from './panel-header';
export { ProgressBar, type ProgressBarProps } from './progress-bar';
export { RadioCards, type RadioCard, type RadioCardsProps } from './radio-cards';
export { SegmentedControl, type SegmentedControlProps } from './segmented-control';
export { Select, type SelectOption, type SelectProps } from './select';
export { Spinner } from './spinner';
export { StatusDot, type StatusDotProps } from './status-dot';
export { Switch, type SwitchProps } from './switch';
export { TabStrip, type StripTab, type TabStripProps } from './tab-strip';
export { Tabs, type TabsProps } from './tabs';
export { TextAreaField, TextField, type TextAreaFieldProps, type TextFieldProps } from './text-field';
export type { Tone } from './tone';
export { Tooltip, TooltipGroup, type TooltipProps } from './tooltip';
export { useReturnFocus } from './use-return-focus';
export { VisuallyHidden } from './visually-hidden';
