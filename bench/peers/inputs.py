"""Writes the arrays that the benches feed to every tool: OUT/<model>/{calibration,evaluation}.npz.

Keys are the model's input names; evaluation arrays also hold `labels` where there are any. Images are decoded and resized
with Pillow as each `preprocess.json` says. Usage: inputs.py MODELS OUT
"""

import argparse
import csv
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Mean and deviation of PP-OCR detection, applied to values 0..1 in BGR order as its own preprocessing does.
DET_MEAN, DET_STD, DET_SIDE = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 320


def prepare(path, how):
    """One image → float32 [3, height, width]."""
    image = Image.open(path).convert("RGB")
    kernel = FILTERS[how["interpolation"]]
    if "resize" in how:
        image = image.resize(tuple(reversed(how["resize"])), kernel)
    if "resize_shorter" in how:
        shorter, (width, height) = how["resize_shorter"], image.size
        if width <= height:
            image = image.resize((shorter, int(shorter * height / width)), kernel)
        else:
            image = image.resize((int(shorter * width / height), shorter), kernel)
    if "center_crop" in how:
        crop_height, crop_width = how["center_crop"]
        left, top = (image.width - crop_width) // 2, (image.height - crop_height) // 2
        image = image.crop((left, top, left + crop_width, top + crop_height))
    pixels = np.asarray(image, np.float32)
    if how["channels"] == "BGR":
        pixels = pixels[:, :, ::-1]
    pixels = (pixels * np.float32(how["scale"]) - np.float32(how["mean"])) / np.float32(how["std"])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def save(folder, name, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", **arrays)
    print(folder.name, name, {key: array.shape for key, array in arrays.items()})


def squeezenet(models, out):
    """The first 64 of the 250 images by file name calibrate, the other 186 evaluate."""
    data = models / "imagenet250"
    how = json.loads((data / "preprocess.json").read_text())
    rows = sorted(csv.DictReader((data / "labels.csv").open()), key=lambda row: row["file"])
    images = np.stack([prepare(data / row["file"], how) for row in rows])
    labels = np.array([int(row["label"]) for row in rows], np.int64)
    save(out, "calibration", data_0=images[:64])
    save(out, "evaluation", data_0=images[64:], labels=labels[64:])
    save(out, "all", data_0=images, labels=labels)


def cifar(models, out, model):
    """The model's own 128 calibration inputs; the 1,000 test images, classes in folder order."""
    data = models / "cifar10"
    how = json.loads((data / "preprocess.json").read_text())
    folders = sorted(path for path in (data / "test").iterdir() if path.is_dir())
    files = [(path, label) for label, folder in enumerate(folders) for path in sorted(folder.iterdir())]
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(models / model / "calibration.npz", out / "calibration.npz")
    save(out, "evaluation", input=np.stack([prepare(path, how) for path, _ in files]), labels=np.array([l for _, l in files]))


def copied(source, out):
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "calibration.npz", out / "calibration.npz")
    shutil.copyfile(source / "test.npz", out / "evaluation.npz")


def detection(models, out):
    """Photographs as text detection would get them: no text in most, but activations in a natural range. 16 + 16 images."""
    how = {"resize": [DET_SIDE, DET_SIDE], "interpolation": "bilinear", "channels": "BGR"}
    how |= {"scale": 1 / 255, "mean": DET_MEAN, "std": DET_STD}
    files = sorted((models / "imagenet250").glob("*.jpg"))
    images = np.stack([prepare(path, how) for path in files[:32]])
    save(out, "calibration", x=images[:16])
    save(out, "evaluation", x=images[16:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    copied(args.models / "mnist", args.out / "mnist")
    copied(args.models / "unet", args.out / "unet")
    squeezenet(args.models, args.out / "squeezenet")
    cifar(args.models, args.out / "cifar10_resnet18", "cifar10_resnet18")
    cifar(args.models, args.out / "cifar10_mobilenetv2", "cifar10_mobilenetv2")
    detection(args.models, args.out / "ppocr_det")


main()
