"""Makes gptq.json: codes of three small layers, rounded by GPTQ as its paper has it (arXiv:2210.17323, algorithm 1).

H⁻¹ is computed and factored (U = chol(H⁻¹)ᵀ), and errors are passed on to all elements behind them one by one. See
../README.md for the format, the versions and how to run it.
"""

import base64
import json
from pathlib import Path

import numpy as np

DAMPING = 0.01


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def correlated(rng, rows, channels, taps):
    """Rectified mixtures: channels that share sources, taps that share a channel's level."""
    sources = rng.normal(size=(rows, channels)) @ rng.normal(size=(channels, channels)) / np.sqrt(channels)
    values = np.maximum(sources[:, :, None] + 0.6 * rng.normal(size=(rows, channels, taps)), 0)
    return values.reshape(rows, channels * taps)


def second_moments(rng, depth_channels, taps, dead):
    x = correlated(rng, 400, depth_channels, taps)
    x[:, dead] = 0
    return (x.T @ x / len(x)).astype(np.float32)


def nearest(table, values):
    """Index of the nearest entry of each row's table."""
    return np.abs(table - values[:, None]).argmin(axis=1)


def gptq(weights, second, tables, by_energy):
    """weights [rows, depth], tables [rows, entries] ascending → indices [rows, depth]."""
    weights = weights.astype(np.float64)
    hessian = second.astype(np.float64)
    energy = np.diag(hessian).copy()
    dead = energy == 0
    weights[:, dead] = 0
    hessian[dead, dead] = 1
    hessian += np.eye(len(hessian)) * DAMPING * energy[~dead].mean()
    order = np.argsort(-energy, kind="stable") if by_energy else np.arange(len(energy))
    weights = weights[:, order]
    upper = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    indices = np.zeros(weights.shape, dtype=np.int16)
    for j in range(weights.shape[1]):
        chosen = nearest(tables, weights[:, j])
        error = (weights[:, j] - tables[np.arange(len(tables)), chosen]) / upper[j, j]
        indices[:, order[j]] = chosen
        weights[:, j + 1 :] -= np.outer(error, upper[j, j + 1 :])
    return indices


def int4_tables(weights):
    scales = np.abs(weights).max(axis=1) / np.float32(7)
    return (scales[:, None] * np.arange(-8, 8, dtype=np.float32)).astype(np.float64)


def kmeans_tables(weights, entries=16):
    table = np.quantile(weights, (np.arange(entries) + 0.5) / entries)
    for _ in range(30):
        owner = np.abs(weights.reshape(-1, 1) - table).argmin(axis=1)
        table = np.array([weights.reshape(-1)[owner == i].mean() if (owner == i).any() else table[i] for i in range(entries)])
    return np.repeat(np.sort(table)[None], len(weights), axis=0)


def power_tables(weights, magnitudes=8):
    top = np.floor(np.log2(4 * np.abs(weights).max() / 3))
    powers = 2.0 ** (top + 1 - magnitudes + np.arange(magnitudes))
    return np.repeat(np.concatenate([-powers[::-1], [0], powers])[None], len(weights), axis=0)


def layer(name, rng, groups, columns, channels, taps, make_tables, dead):
    depth = channels * taps
    weights = (rng.normal(size=(groups, columns, depth)) * 0.1).astype(np.float32)
    second = np.stack([second_moments(rng, channels, taps, dead) for _ in range(groups)])
    tables = make_tables(weights.reshape(groups * columns, depth)).reshape(groups, columns, -1).astype(np.float64)
    codes = {
        key: b64(np.stack([gptq(w, h, t, by_energy) for w, h, t in zip(weights, second, tables)]))
        for key, by_energy in [("natural", False), ("byEnergy", True)]
    }
    return {
        "name": name,
        "groups": groups,
        "columns": columns,
        "depth": depth,
        "dead": dead,
        "entries": tables.shape[2],
        "weights": b64(weights),
        "second": b64(second),
        "tables": b64(tables),
        "codes": codes,
    }


def main():
    rng = np.random.default_rng(20220310)
    layers = [
        layer("int4 per channel", rng, 1, 12, 16, 9, int4_tables, [7, 40]),
        layer("k-means, grouped", rng, 3, 8, 4, 9, kmeans_tables, []),
        layer("powers of two", rng, 1, 10, 5, 9, power_tables, [3]),
    ]
    out = {"madeWith": f"numpy {np.__version__}", "damping": DAMPING, "layers": layers}
    Path(__file__).with_name("gptq.json").write_text(json.dumps(out, indent=1) + "\n")


main()
