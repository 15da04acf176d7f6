import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";

interface MenuProps {
  trigger: ReactElement;
  label: string;
  children: ReactNode;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  side?: "top" | "bottom";
}

/** A list of verbs behind a button; a sheet from below on phones. */
export function Menu({ trigger, label, children, open, onOpenChange, side = "bottom" }: MenuProps) {
  return (
    <Radix.Root modal={false} {...(open === undefined ? {} : { open })} {...(onOpenChange ? { onOpenChange } : {})}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu sheet" align="end" side={side} sideOffset={6} collisionPadding={8} aria-label={label}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function MenuHead({ title, detail }: { title: string; detail?: string }) {
  return (
    <>
      <Radix.Label className="menu-head">
        <span className="b">{title}</span>
        {detail ? <span className="small muted">{detail}</span> : null}
      </Radix.Label>
      <MenuLine />
    </>
  );
}

export const MenuLine = () => <Radix.Separator className="menu-line" />;

interface ItemProps {
  icon: ReactNode;
  onSelect: () => void;
  danger?: boolean;
  children: ReactNode;
}

export function MenuItem({ icon, onSelect, danger, children }: ItemProps) {
  return (
    <Radix.Item className={danger ? "menu-item danger" : "menu-item"} onSelect={onSelect}>
      {icon}
      {children}
    </Radix.Item>
  );
}

interface RowProps {
  icon: ReactNode;
  text: string;
  choices: readonly { text: string; label: string; onSelect: () => void }[];
}

/** One verb with a few amounts beside it. */
export function MenuRow({ icon, text, choices }: RowProps) {
  return (
    <Radix.Group className="menu-row" aria-label={text}>
      <span className="menu-row-text" aria-hidden="true">
        {icon}
        {text}
      </span>
      <span className="btn-group">
        {choices.map((c) => (
          <Radix.Item key={c.text} className="btn btn-sm" aria-label={c.label} onSelect={c.onSelect}>
            {c.text}
          </Radix.Item>
        ))}
      </span>
    </Radix.Group>
  );
}

interface ChoiceProps<T extends string> {
  value: T;
  onChange: (value: T) => void;
  choices: readonly { value: T; icon: ReactNode; text: string }[];
}

export function MenuChoices<T extends string>({ value, onChange, choices }: ChoiceProps<T>) {
  return (
    <Radix.RadioGroup value={value} onValueChange={(next) => onChange(next as T)}>
      {choices.map((choice) => (
        <Radix.RadioItem key={choice.value} value={choice.value} className="menu-item">
          {choice.icon}
          {choice.text}
          <Radix.ItemIndicator className="end">
            <Check className="i i-sm" />
          </Radix.ItemIndicator>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}
