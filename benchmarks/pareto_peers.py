#!/usr/bin/env python3
"""Trains a peer on TRAIN and prints its RMSE on TEST, for pareto.py, which times the whole process.

    pareto_peers.py PEER TRAIN TEST SEED LENGTH OPTIONS

TRAIN and TEST are tables user,item,rating as gcmc data split writes them; LENGTH is the number of iterations, epochs or
draws, OPTIONS a JSON object. Two threads where the peer has threads. A rating is never below the lowest or above the
highest of TRAIN, whatever the peer predicts.
"""
import contextlib
import json
import os
import re
import sys
import tempfile

import numpy as np

THREADS = 2


class Data:
    """Ratings with users and items numbered from 0; what TRAIN does not have is -1 in the test part."""

    def __init__(self, train, test, seed):
        (users, items, self.ratings), (test_users, test_items, self.test_ratings) = read(train), read(test)
        order = np.random.default_rng(seed).permutation(len(users))
        user_ids, self.users = np.unique(users[order], return_inverse=True)
        item_ids, self.items = np.unique(items[order], return_inverse=True)
        self.ratings = self.ratings[order]
        self.shape = len(user_ids), len(item_ids)
        self.test_users, self.test_items = numbered(user_ids, test_users), numbered(item_ids, test_items)

    def rmse(self, predicted):
        predicted = np.clip(predicted, self.ratings.min(), self.ratings.max())
        return float(np.sqrt(np.mean((predicted - self.test_ratings) ** 2)))


def read(path):
    with open(path, "rb") as file:
        columns = file.readline().count(b",") + 1
        table = np.fromstring(file.read().replace(b"\n", b","), sep=",").reshape(-1, columns)
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2]


def numbered(ids, wanted):
    position = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[position] == wanted, position, -1)


def by_factors(data, mean, users, items, user_bias=None, item_bias=None):
    """mean + b_u + b_i + p_u q_i, without what belongs to a node that is not known."""
    known_user, known_item = data.test_users >= 0, data.test_items >= 0
    predicted = np.full(len(data.test_ratings), mean)
    if user_bias is not None:
        predicted += np.where(known_user, user_bias[data.test_users], 0) + np.where(known_item, item_bias[data.test_items], 0)
    products = np.einsum("nk,nk->n", users[data.test_users], items[data.test_items])
    return predicted + np.where(known_user & known_item, products, 0)


def libmf(data, seed, length, options):
    """LIBMF: factors by stochastic gradients. It shuffles with a seed of its own; ours is the order of the ratings."""
    with contextlib.redirect_stdout(sys.stderr):
        from libmf import mf
    options = dict(options)
    penalty = options.pop("penalty")
    model = mf.MF(fun=mf.P_L2_MFR, nr_iters=length, nr_threads=THREADS, quiet=True, lambda_p1=0, lambda_q1=0,
                  lambda_p2=penalty, lambda_q2=penalty, **options)
    model.fit(np.column_stack([data.users, data.items, data.ratings]).astype(np.float32))
    known = (data.test_users >= 0) & (data.test_items >= 0)
    return np.where(known, by_factors(data, 0, model.p_factors(), model.q_factors()), data.ratings.mean())


def surprise(data, seed, length, options):
    import surprise
    rows = list(zip(data.users.tolist(), data.items.tolist(), data.ratings.tolist(), [None] * len(data.users)))
    reader = surprise.Reader(rating_scale=(data.ratings.min(), data.ratings.max()))
    trainset = surprise.dataset.Dataset(reader).construct_trainset(rows)
    model = surprise.SVD(n_epochs=length, random_state=seed, **options).fit(trainset)
    to_user = np.array([trainset.to_inner_uid(user) for user in range(data.shape[0])])
    to_item = np.array([trainset.to_inner_iid(item) for item in range(data.shape[1])])
    return by_factors(data, trainset.global_mean, model.pu[to_user], model.qi[to_item], model.bu[to_user], model.bi[to_item])


def cornac(data, seed, length, options):
    import cornac
    rows = cornac.data.Dataset.from_uir(zip(data.users.tolist(), data.items.tolist(), data.ratings.tolist()), seed=seed)
    model = cornac.models.MF(max_iter=length, use_bias=True, num_threads=THREADS, seed=seed, verbose=False, **options)
    model.fit(rows)
    to_user = np.array([rows.uid_map[user] for user in range(data.shape[0])])
    to_item = np.array([rows.iid_map[item] for item in range(data.shape[1])])
    return by_factors(data, model.global_mean, model.u_factors[to_user], model.i_factors[to_item],
                      model.u_biases[to_user], model.i_biases[to_item])


def one_hot(numbers, columns):
    from scipy import sparse
    known = numbers >= 0
    rows = np.arange(len(numbers))
    return sparse.csr_matrix((np.ones(known.sum()), (rows[known], numbers[known])), (len(numbers), columns))


def myfm(data, seed, length, options):
    """A Bayesian factorisation machine of ids alone; a tenth of the draws is left out of the mean."""
    import myfm as library
    from scipy import sparse
    users, items = data.shape
    matrix = [sparse.hstack([one_hot(u, users), one_hot(i, items)]).tocsr()
              for u, i in ((data.users, data.items), (data.test_users, data.test_items))]
    model = library.MyFMRegressor(random_seed=seed, **options)
    model.fit(matrix[0], data.ratings, n_iter=length, n_kept_samples=length - length // 10,
              grouping=[0] * users + [1] * items)
    return model.predict(matrix[1])


def myfm_svdpp(data, seed, length, options):
    """Ordered probit, and what each user and item was rated by as further features (Rendle's SVD++ flipped)."""
    import myfm as library
    from scipy import sparse
    users, items = data.shape
    rated = sparse.csr_matrix((np.ones(len(data.users)), (data.users, data.items)), data.shape)

    def block(of, ids, count):
        known = sparse.vstack([sparse.hstack([sparse.eye(count), normalised(of)]), sparse.csr_matrix((1, count + of.shape[1]))])
        return library.RelationBlock(np.where(ids >= 0, ids, count), known.tocsr())

    def normalised(matrix):
        degree = np.maximum(1, np.asarray(matrix.sum(axis=1)).ravel())
        return sparse.diags(1 / np.sqrt(degree)) @ matrix

    def blocks(u, i):
        return [block(rated, u, users), block(rated.T.tocsr(), i, items)]

    levels, classes = np.unique(data.ratings, return_inverse=True)
    model = library.MyFMOrderedProbit(random_seed=seed, **options)
    model.fit(None, classes, X_rel=blocks(data.users, data.items), n_iter=length, n_kept_samples=length - length // 10,
              grouping=[0] * users + [1] * items + [2] * items + [3] * users)
    return model.predict_proba(None, blocks(data.test_users, data.test_items)) @ levels


def mlpack(data, seed, length, options):
    """Regularised factors, and a mean over neighbours of what they predict. It tells the error alone, of the pairs that
    it knows, without bounds; others get the mean."""
    import mlpack as library
    known = (data.test_users >= 0) & (data.test_items >= 0)
    with tempfile.TemporaryFile() as told:
        output = os.dup(1)
        os.dup2(told.fileno(), 1)
        library.cf(training=np.column_stack([data.users, data.items, data.ratings]).astype(float),
                   test=np.column_stack([data.test_users, data.test_items, data.test_ratings])[known].astype(float),
                   algorithm="RegSVD", max_iterations=length, seed=seed, verbose=True, **options)
        os.dup2(output, 1)
        told.seek(0)
        rmse = float(re.findall(rb"RMSE is ([0-9]+\.[0-9]+)", told.read())[-1])
    others = data.test_ratings[~known] - data.ratings.mean()
    return float(np.sqrt((rmse ** 2 * known.sum() + (others ** 2).sum()) / len(known)))


def main():
    peer, train, test, seed, length, options = sys.argv[1:]
    data = Data(train, test, int(seed))
    found = globals()[peer.replace("-", "_")](data, int(seed), int(length), json.loads(options))
    print(f"{found if isinstance(found, float) else data.rmse(np.asarray(found)):.6f}")


if __name__ == "__main__":
    main()
