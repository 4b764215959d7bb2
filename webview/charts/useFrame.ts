import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Size {
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * The room that an element has, so that a chart fills it and its text keeps its size.
 * @param least smaller than this nothing can be read; what is around scrolls instead.
 * @returns the size, null until it was measured.
 */
export function useFrame<T extends HTMLElement>(least: Size): [RefObject<T | null>, Size | null] {
  const box = useRef<T>(null);
  const [frame, setFrame] = useState<Size | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = (): void =>
      setFrame((old) => {
        const width = Math.max(least.width, element.clientWidth);
        const height = Math.max(least.height, element.clientHeight);
        return old?.width === width && old.height === height ? old : { width, height };
      });
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    measure();
    return () => resized.disconnect();
  }, []);
  return [box, frame];
}
