import { modelInfo, type MessageInfo } from '../../src/core/onnx/messages';
import type { Model } from '../../src/core/onnx/types';
import { derive } from '../../src/core/onnx/origin';

/**
 * A model in which every message is derived without a change, so that the writer takes every message apart and puts
 * it together again instead of copying the file.
 */
export function touchAll(model: Model): Model {
  return touch(modelInfo, model) as Model;
}

/** A model of new objects that know nothing of the file, so that everything is encoded. */
export function cloneAll(model: Model): Model {
  return clone(modelInfo, model) as Model;
}

function mapChildren(
  info: MessageInfo,
  message: object,
  map: (info: MessageInfo, child: object) => object,
): object {
  const fields = message as Record<string, unknown>;
  const changes: Record<string, unknown> = {};
  for (const { property, message: child, repeated } of info.slots) {
    const value = fields[property];
    if (!child || value === undefined) continue;
    changes[property] = repeated
      ? (value as object[]).map((element) => map(child, element))
      : map(child, value as object);
  }
  return changes;
}

function touch(info: MessageInfo, message: object): object {
  return derive(message, mapChildren(info, message, touch));
}

function clone(info: MessageInfo, message: object): object {
  return { ...message, ...mapChildren(info, message, clone) };
}
