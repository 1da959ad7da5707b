import io

import numpy as np
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

GEOMETRIES = ("bilinear-256-224", "bilinear-341-299", "bicubic-333-299", "bicubic-363-331")


def noise(width, height, seed=0):
    """Return an image with structure at several scales: enlarged noise plus noise."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8)).resize((width, height))
    fine = random.integers(-40, 40, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8))


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def usual(image, geometry):
    """Return the array that torchvision's transforms produce from an image."""
    mode = InterpolationMode(geometry.interpolation)
    steps = [transforms.Resize(geometry.resize, mode), transforms.CenterCrop(geometry.size)]
    return np.asarray(transforms.Compose(steps)(image))


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(60, 40), "JPEG", exif=exif)


def frames():
    first, second = noise(60, 40, 1).quantize(64), noise(60, 40, 2).quantize(64)
    return encoded(first, "GIF", save_all=True, append_images=[second])


KINDS = {
    "JPEG RGB": encoded(noise(60, 40), "JPEG"),
    "JPEG L": encoded(noise(60, 40).convert("L"), "JPEG"),
    "JPEG CMYK": encoded(noise(60, 40).convert("CMYK"), "JPEG"),
    "JPEG RGB, EXIF orientation ignored": turned(),
    "PNG RGB": encoded(noise(60, 40), "PNG"),
    "PNG P": encoded(noise(60, 40).quantize(16), "PNG", transparency=bytes(range(16))),
    "PNG 1": encoded(noise(60, 40).convert("1"), "PNG"),
    "PNG LA": encoded(noise(60, 40).convert("LA"), "PNG"),
    "PNG RGBA": encoded(noise(60, 40).convert("RGBA"), "PNG"),
    "GIF P": frames(),
    "BMP RGB": encoded(noise(60, 40), "BMP"),
    "WEBP RGB": encoded(noise(60, 40), "WEBP"),
}


JPEG = KINDS["JPEG RGB"]


BROKEN = {
    "empty file": b"",
    "truncated": JPEG[: len(JPEG) * 2 // 3],
    "not an image": b"<html><body>503</body></html>",
    "not an image in a supported format": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "mode F": encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"),
    "exceed": encoded(Image.new("1", (40_000, 5_000)), "PNG"),
}
