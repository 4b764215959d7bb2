import type { RefObject } from 'preact';

interface HeightHandleProps {
  label: string;
  /** What gets higher or lower; its bottom stays where it is. */
  target: RefObject<HTMLElement | null>;
  /** In pixels; null: what suits the window. */
  height: number | null;
  onHeight: (height: number) => void;
}

const LEAST = 150;
/** Share of the window. */
const MOST = 0.75;
const KEY_STEP = 24;

/** The upper edge of a panel, moved by mouse or by the arrow keys. */
export function HeightHandle({ label, target, height, onHeight }: HeightHandleProps) {
  const limits = (): [number, number] => [LEAST, Math.max(LEAST, Math.round(window.innerHeight * MOST))];
  const resize = (next: number): void => {
    const [least, most] = limits();
    onHeight(Math.round(Math.min(most, Math.max(least, next))));
  };
  const current = (): number => target.current?.clientHeight ?? LEAST;
  const onPointerDown = (event: PointerEvent): void => {
    const handle = event.currentTarget as HTMLElement;
    const [from, start] = [event.clientY, current()];
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent): void => resize(start + from - moved.clientY);
    const end = (): void => {
      handle.removeEventListener('pointermove', move);
      handle.removeEventListener('lostpointercapture', end);
    };
    handle.addEventListener('pointermove', move);
    handle.addEventListener('lostpointercapture', end);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowUp' ? KEY_STEP : event.key === 'ArrowDown' ? -KEY_STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    resize(current() + step);
  };
  const [least, most] = limits();
  return (
    <div
      class="height-handle"
      role="separator"
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={height ?? Math.min(most, Math.max(least, current()))}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  );
}
