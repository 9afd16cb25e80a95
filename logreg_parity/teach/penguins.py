"""333 penguins near Palmer Station, Antarctica: the table of lesson 8, in the public domain (CC0).

K. B. Gorman, T. D. Williams and W. R. Fraser, Ecological sexual dimorphism and environmental variability within a
community of Antarctic penguins, PLoS ONE 9(3), 2014, e90081. The rows of palmerpenguins without a missing cell.
"""

import csv
from pathlib import Path

import numpy as np

FEATURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


def penguins() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The features X (N, 4) in the order of FEATURES, the sex (N,) and the species (N,), both as words."""
    rows = list(csv.DictReader(Path(__file__).with_suffix(".csv").read_text(encoding="utf-8").splitlines()))
    X = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    return X, np.array([row["sex"] for row in rows]), np.array([row["species"] for row in rows])
