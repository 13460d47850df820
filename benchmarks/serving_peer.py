"""A server of a saved model as people write one in Python: FastAPI, uvicorn and NumPy; for benchmarks/serving.py.

    MODEL=folder uvicorn serving_peer:app --app-dir benchmarks --port 8001

Computes what gcmc serve does of a model that sums over its levels (gcn_agg_accum=sum) or stacks them, without features:
ratings of pairs, the best ten of a user, and the same of somebody who is folded in.
"""
import json
import os
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel
from safetensors.numpy import load_file

folder = Path(os.environ["MODEL"])
folder = folder / "model" if (folder / "model").is_dir() else folder
tensors = load_file(folder / "model.safetensors")
config = json.loads((folder / "config.json").read_text())
levels = np.array(config["rating_values"])
item_ids = (folder / "items.txt").read_text().splitlines()
users = {name: k for k, name in enumerate((folder / "users.txt").read_text().splitlines())}
items = {name: k for k, name in enumerate(item_ids)}
user_embedding, item_embedding = tensors["user_embedding"], tensors["item_embedding"]
bases, coefficients = tensors["decoder.basis"], tensors["decoder.coefficients"]
table, dense = tensors["encoder.item.weight"], tensors.get("dense.user.weight", tensors.get("dense.both.weight"))
bias = tensors.get("dense.user.bias", tensors.get("dense.both.bias"))
bias = np.zeros(dense.shape[1], np.float32) if bias is None else bias
item_scale = 1 / np.sqrt(np.maximum(np.bincount(tensors["rated.items"], minlength=len(items)), 1)).astype(np.float32)
rated = {part: (tensors[part + ".offsets"], tensors[part + ".items"]) for part in ("rated", "tested")}
stacks = config["options"]["gcn_agg_accum"] == "stack"
app = FastAPI()


class Pair(BaseModel):
    user: str
    item: str


class Pairs(BaseModel):
    pairs: list[Pair]


class ItemRating(BaseModel):
    item: str
    rating: float


class Newcomer(BaseModel):
    ratings: list[ItemRating]
    n: int = 10


class Wish(BaseModel):
    user: str
    n: int = 10


def expected(logits):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (p @ levels) / p.sum(axis=-1)


def score_all(z):
    return expected(np.stack([item_embedding @ (z @ basis) for basis in bases], axis=1) @ coefficients)


def best(scores, left_out, n):
    scores[left_out] = -np.inf
    top = np.argpartition(-scores, n)[:n]
    top = top[np.argsort(-scores[top])]
    return [{"item": item_ids[k], "rating": float(scores[k])} for k in top]


@app.post("/v1/predict")
def predict(body: Pairs):
    z = user_embedding[[users[pair.user] for pair in body.pairs]]
    v = item_embedding[[items[pair.item] for pair in body.pairs]]
    ratings = expected(np.stack([((z @ basis) * v).sum(axis=1) for basis in bases], axis=1) @ coefficients)
    return {"predictions": [{"user": pair.user, "item": pair.item, "rating": float(rating)}
                            for pair, rating in zip(body.pairs, ratings)]}


@app.post("/v1/recommend")
def recommend(body: Wish):
    user = users[body.user]
    own = np.concatenate([ids[offsets[user]:offsets[user + 1]] for offsets, ids in rated.values()])
    return {"recommendations": [{"user": body.user, "items": best(score_all(user_embedding[user]), own, body.n)}]}


@app.post("/v1/fold-in")
def fold_in(body: Newcomer):
    own = np.array([items[rating.item] for rating in body.ratings])
    level = np.searchsorted(levels, [rating.rating for rating in body.ratings])
    rows = table[level, own] * item_scale[own, None] / np.sqrt(np.float32(len(own)))
    if stacks:
        hidden = np.zeros(table.shape[0] * table.shape[2], np.float32)
        for r, row in zip(level, rows):
            hidden[r * table.shape[2]:(r + 1) * table.shape[2]] += row
    else:
        hidden = rows.sum(axis=0)
    hidden = np.where(hidden > 0, hidden, np.float32(0.1) * hidden)
    return {"recommendations": best(score_all(hidden @ dense + bias), own, body.n)}
