"""The predictions of a network for every image: its five best classes and their scores.

Each accuracy record is computed from such a file (.npz), stored next to it, so that nothing has to
be measured twice. This module does not import torch.
"""

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dnnbench.core import text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import write_bytes
from dnnbench.records.accuracy_records import AccuracyBasis

BEST = 5
# Maximum bytes of a file, compressed or not: enough for more than a million images.
_LARGEST = 2**30

Classes = npt.NDArray[np.int16]
Scores = npt.NDArray[np.float32]


class AnswersError(UserError):
    """A predictions file that cannot be read; the message has the file and the fix."""


@dataclass(frozen=True)
class Answers:
    """Content of results/accuracy/<dataset>/<model>.npz: predictions for m of n images."""

    basis: AccuracyBasis
    """Origin of the predictions, as JSON."""
    names: list[str]
    """Paths of all n images, relative to their folder. If m < n, there are predictions only for
    the first m."""
    labels: npt.NDArray[np.int16]
    """True classes of the images, [n] int16."""
    classes: Classes
    """Five most probable classes of each image, best first, [m, 5] int16."""
    scores: Scores
    """Softmax probabilities of these classes, [m, 5] float32."""

    @classmethod
    def none_yet(
        cls, basis: AccuracyBasis, names: list[str], labels: npt.NDArray[np.integer]
    ) -> "Answers":
        """Return an object without predictions for any image."""
        classes, scores = np.empty((0, BEST), np.int16), np.empty((0, BEST), np.float32)
        return cls(basis, names, labels.astype(np.int16), classes, scores)

    def plus(self, batches: list[tuple[Classes, Scores]]) -> "Answers":
        """Return these predictions followed by those of more batches."""
        return replace(
            self,
            classes=np.concatenate([self.classes, *(classes for classes, _ in batches)]),
            scores=np.concatenate([self.scores, *(scores for _, scores in batches)]),
        )

    def only(self, names: list[str]) -> "Answers":
        """Return the predictions for some of the images. Raises KeyError if one has none."""
        place = {name: number for number, name in enumerate(self.names[: self.done])}
        chosen = [place[name] for name in names]
        return replace(
            self,
            names=names,
            labels=self.labels[chosen],
            classes=self.classes[chosen],
            scores=self.scores[chosen],
        )

    @property
    def done(self) -> int:
        """Number of images with a prediction."""
        return len(self.classes)

    def hits(self, best: int) -> npt.NDArray[np.bool_]:
        """Return [m] booleans: whether the label is among the ``best`` first classes."""
        labels = self.labels[: self.done, None]
        found: npt.NDArray[np.bool_] = (self.classes[:, :best] == labels).any(axis=1)
        return found


def write(path: Path, answers: Answers) -> None:
    """Write predictions as .npz, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        basis=np.array(answers.basis.model_dump_json()),
        names=np.array(answers.names, dtype=np.str_),
        labels=answers.labels,
        classes=answers.classes,
        scores=answers.scores,
    )
    write_bytes(path, buffer.getvalue())


def read(path: Path) -> Answers:
    """Read a file written by :func:`write`. Raises AnswersError with the file."""
    try:
        content = io.BytesIO(text_file.read_bytes(path, _LARGEST))
        with zipfile.ZipFile(content) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST:
                raise ValueError("too large")
        with np.load(content) as file:
            return _checked(
                Answers(
                    basis=AccuracyBasis.model_validate_json(str(file["basis"])),
                    names=file["names"].tolist(),
                    labels=file["labels"],
                    classes=file["classes"],
                    scores=file["scores"],
                )
            )
    except UserError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds of errors for a damaged file.
        raise AnswersError(
            f"{path}: not a predictions file ({type(error).__name__}). Remove it to measure again."
        ) from error


def _checked(answers: Answers) -> Answers:
    """Return the predictions. Raises ValueError if shapes, types or values are invalid."""
    names, count, done = answers.names, len(answers.names), len(answers.classes)
    sound = (
        all(isinstance(name, str) for name in names)
        and len(set(names)) == count >= done
        and answers.labels.shape == (count,)
        and answers.classes.shape == answers.scores.shape == (done, BEST)
        and answers.labels.dtype == answers.classes.dtype == np.int16
        and answers.scores.dtype == np.float32
        and bool(np.isfinite(answers.scores).all())
        and all(
            not len(part) or (part.min() >= 0 and part.max() < 1000)
            for part in (answers.labels, answers.classes)
        )
    )
    if not sound:
        raise ValueError("invalid predictions")
    return answers
