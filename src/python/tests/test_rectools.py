"""gcmc.rectools: RecTools' data sets in, its metrics out."""

import doctest

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings

rectools = pytest.importorskip("rectools")
pandas = pytest.importorskip("pandas")

import gcmc.rectools
from rectools.dataset import Dataset
from rectools.metrics import MRR, NDCG, Precision, Recall


@pytest.fixture(scope="module")
def interactions():
    user, item, rating = made_ratings().values()
    frame = pandas.DataFrame({"user_id": user, "item_id": item, "weight": rating})
    return frame.assign(datetime=pandas.Timestamp("2024-01-01") + pandas.to_timedelta(np.arange(1200), "h"))


@pytest.fixture(scope="module")
def dataset(interactions):
    return Dataset.construct(interactions)


@pytest.fixture(scope="module")
def fitted(dataset):
    return gcmc.rectools.GCMCModel(gcmc.Model(**SMALL, data_test_ratio=0)).fit(dataset)


def test_the_examples_run(interactions):
    example = doctest.DocTestParser().get_doctest(gcmc.rectools.GCMCModel.__doc__,
                                                  {"gcmc": gcmc, "interactions": interactions}, "GCMCModel", None, 0)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_recommendations_are_the_models_by_the_callers_ids(interactions, dataset, fitted):
    own = gcmc.Model(**SMALL, data_test_ratio=0).fit(
        {"user": dataset.user_id_map.convert_to_internal(interactions["user_id"]),
         "item": dataset.item_id_map.convert_to_internal(interactions["item_id"]),
         "rating": interactions["weight"].to_numpy()})
    found = fitted.recommend([100, 101], dataset, k=5, filter_viewed=True)
    expected = own.recommend(dataset.user_id_map.convert_to_internal([100, 101]), n=5)
    assert found["item_id"].tolist() == list(dataset.item_id_map.convert_to_external(expected["item"]))
    assert found["score"].tolist() == expected["rating"].tolist()
    some = fitted.recommend([100], dataset, k=5, filter_viewed=False, items_to_recommend=[5, 6, 7])
    assert sorted(some["item_id"]) == [5, 6, 7]


def test_similar_items_leave_the_item_itself_to_the_caller(dataset, fitted):
    others = fitted.recommend_to_items([5], dataset, k=4)
    assert len(others) == 4 and 5 not in set(others["item_id"])
    with_itself = fitted.recommend_to_items([5], dataset, k=4, filter_itself=False)
    assert with_itself["item_id"].iloc[0] == 5
    assert set(fitted.recommend_to_items([5], dataset, k=2, items_to_recommend=[7, 8])["item_id"]) == {7, 8}


def test_our_ranking_metrics_are_rectools_on_a_thousand_pairs():
    user, item, rating = made_ratings(users=60, items=60, count=3000).values()
    model = gcmc.Model(**SMALL, data_test_ratio=0).fit((user[1000:], item[1000:], rating[1000:]))
    told = model.evaluate((user[:1000], item[:1000], rating[:1000]))
    assert told["pairs"] == 1000 and told["unknown"] == 0

    rated = model.tensors_[0]
    lists = []
    for k, one in enumerate(model.user_ids_):
        own = rated["rated.items"][rated["rated.offsets"][k]:rated["rated.offsets"][k + 1]]
        scores = model.predict(one, model.item_ids_)
        scores[own] = -np.inf
        best = np.argsort(-scores, kind="stable")[:10]
        lists.append(pandas.DataFrame({"user_id": one, "item_id": model.item_ids_[best], "rank": np.arange(1, 11)}))
    test = pandas.DataFrame({"user_id": user[:1000], "item_id": item[:1000]})[rating[:1000] >= told["relevant"]]
    recommended = pandas.concat(lists)
    recommended = recommended[recommended["user_id"].isin(test["user_id"])]
    for ours, theirs in (("ndcg", NDCG(k=10, divide_by_achievable=True)), ("recall", Recall(k=10)),
                         ("precision", Precision(k=10)), ("reciprocal_rank", MRR(k=10))):
        assert told["ranking"][ours] == pytest.approx(theirs.calc(recommended, test), abs=1e-12)
