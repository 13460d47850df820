"""gcmc.lenskit: a scorer in LensKit's pipelines, judged by its metrics."""

import doctest
import pickle

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings

pytest.importorskip("lenskit")
pandas = pytest.importorskip("pandas")

import gcmc.lenskit
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.metrics import NDCG, Precision, RecipRank
from lenskit.metrics.ranking import LogRankWeight
from lenskit.pipeline import topn_pipeline


@pytest.fixture(scope="module")
def frame():
    user, item, rating = made_ratings().values()
    return pandas.DataFrame({"user_id": user, "item_id": item, "rating": rating})


@pytest.fixture(scope="module")
def dataset(frame):
    return from_interactions_df(frame)


@pytest.fixture(scope="module")
def pipeline(dataset):
    pipeline = topn_pipeline(gcmc.lenskit.GCMCScorer(**SMALL, data_test_ratio=0), n=5, predicts_ratings=True)
    pipeline.train(dataset)
    return pipeline


@pytest.mark.parametrize("thing", [gcmc.lenskit.GCMCScorer, gcmc.lenskit.GCMCConfig], ids=lambda one: one.__name__)
def test_the_examples_run(dataset, thing):
    example = doctest.DocTestParser().get_doctest(thing.__doc__, {"gcmc": gcmc, "dataset": dataset}, "", None, 0)
    assert example.examples and doctest.DocTestRunner().run(example).failed == 0


def test_recommendations_are_the_models(dataset, pipeline):
    frame = dataset.interaction_table(format="pandas", original_ids=True)[["user_id", "item_id", "rating"]]
    own = gcmc.Model(**SMALL, data_test_ratio=0).fit(tuple(frame[name].to_numpy() for name in frame))
    found = pipeline.run("recommender", query=100)
    expected = own.recommend(100, n=5)
    assert found.ids().tolist() == expected["item"].tolist()
    np.testing.assert_allclose(found.scores(), expected["rating"], rtol=1e-6)
    predicted = pipeline.run("rating-predictor", query=100, items=ItemList([5, 6, 999]))
    np.testing.assert_allclose(predicted.scores()[:2], own.predict(100, [5, 6]), rtol=1e-6)


def test_newcomers_are_folded_in_and_strangers_have_no_score(pipeline):
    scorer = pipeline.component("scorer")
    fond = RecQuery(user_id=99999, history_items=ItemList([5, 6, 7], rating=[5.0, 5.0, 5.0]))
    assert np.isfinite(scorer(fond, ItemList([8, 9])).scores()).all()
    assert np.isnan(scorer(RecQuery(user_id=99999), ItemList([8, 9])).scores()).all()
    assert np.isnan(scorer(100, ItemList([999])).scores()).all()


def test_a_trained_pipeline_is_pickled(pipeline):
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.run("recommender", query=100).ids().tolist() == pipeline.run("recommender", query=100).ids().tolist()


def test_our_ranking_metrics_are_lenskits_on_a_thousand_pairs():
    """But recall, of which LensKit divides by no more than 10."""
    user, item, rating = made_ratings(users=60, items=60, count=3000).values()
    model = gcmc.Model(**SMALL, data_test_ratio=0).fit((user[1000:], item[1000:], rating[1000:]))
    told = model.evaluate((user[:1000], item[:1000], rating[:1000]))
    rated = model.tensors_[0]
    found = {name: [] for name in ("ndcg", "precision", "reciprocal_rank")}
    for k, one in enumerate(model.user_ids_):
        relevant = item[:1000][(user[:1000] == one) & (rating[:1000] >= told["relevant"])]
        if relevant.size == 0:
            continue
        scores = model.predict(one, model.item_ids_)
        scores[rated["rated.items"][rated["rated.offsets"][k]:rated["rated.offsets"][k + 1]]] = -np.inf
        best = ItemList(model.item_ids_[np.argsort(-scores, kind="stable")[:10]], ordered=True)
        truth = ItemList(relevant)
        for name, metric in (("ndcg", NDCG(10, weight=LogRankWeight(offset=1))), ("precision", Precision(10)),
                             ("reciprocal_rank", RecipRank(10))):
            found[name].append(metric.measure_list(best, truth))
    for name, values in found.items():
        assert told["ranking"][name] == pytest.approx(np.mean(values), abs=1e-7), name
