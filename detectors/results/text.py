"""The table of machine-written posts: our rows beside the published ones, per kind, and what is left when the accounts are new."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import numpy as np

from detectors import weights
from detectors.attacks.disguised import TRICKS
from detectors.errors import BadDataset, WeightsError
from detectors.evaluators import tweepfake as judging
from detectors.results import Conditions, table
from detectors.text import domain, hygiene
from detectors.text.machine import COLUMNS, SURE, VIEWS, MachineText
from detectors.train import text as training
from detectors.train import text_methods

TITLE = "Machine-written posts"
# Fagni et al. 2021, official test set of 2,558 posts; accuracy, then recall of human (of 488 posts), GPT-2, RNN, others.
PUBLISHED = {
    "LR, bag of words": (0.804, 0.732, 0.758, 0.934, 0.874),
    "RF, bag of words": (0.772, 0.801, 0.654, 0.937, 0.659),
    "SVC, bag of words": (0.811, 0.738, 0.750, 0.927, 0.913),
    "LR, BERT features": (0.835, 0.820, 0.633, 0.966, 0.926),
    "RF, BERT features": (0.827, 0.779, 0.680, 0.964, 0.963),
    "SVC, BERT features": (0.842, 0.811, 0.667, 0.966, 0.942),
    "CHAR_CNN": (0.851, 0.811, 0.781, 0.973, 0.952),
    "CHAR_GRU": (0.830, 0.748, 0.818, 0.966, 0.952),
    "CHAR_CNNGRU": (0.837, 0.832, 0.680, 0.964, 0.897),
    "BERT, fine-tuned": (0.896, 0.875, 0.768, 0.998, 0.948),
    "DistilBERT, fine-tuned": (0.886, 0.889, 0.719, 0.990, 0.915),
    "RoBERTa, fine-tuned": (0.905, 0.904, 0.742, 0.988, 0.942),
    "XLNet, fine-tuned": (0.876, 0.898, 0.708, 0.978, 0.868),
}
METRICS = ("accuracy", "recall_human", "recall_gpt2", "recall_rnn", "recall_others", "auc", "auc_account_10")
HEAD = ("method", "accuracy", "human", "GPT-2", "RNN", "others", "AUC", "AUC over 10 posts of an account", "s to learn", "ms a post", "MB")
LEARNED_S = "203"  # of what ships: docs/cards/machine-text-1.log
MOST_DISGUISED = 500  # posts, drawn evenly
LENGTHS = (0, 10, 20, 30, 40, 60, 90, 130, 200, domain.LONGEST)
INTRODUCTION = """\
TweepFake (Fagni et al., PLOS ONE 2021): really posted tweets of 17 people and 23 machines that imitate them. What ships is `machine-text-1`: linear
support vector machines over hashed n-grams of characters (1 to 6, case kept), words (1 to 3) and shapes (1 to 5; function words as they are, of the
others case and length only), naive Bayes on the same, {measures} measures of style, boosted trees on top;
{megabytes:.1f} MB, numpy alone. Trained on train.csv by
`python -m detectors.train.text`, seed 0, log in `docs/cards/machine-text-1.log`. Characters that hide are taken out first (`detectors/text/hygiene.py`)."""
SEEN = """\
## The same accounts as in training
**The published rows are of the official test set (2,558 posts), ours of `{name}` ({count} posts): the same 40 accounts, other posts; not the same
numbers.** Recall per kind; the published one of people is over 488 posts. Intervals draw accounts again. "-": not published, or no such figure. Seconds
and milliseconds are the processor's, on one thread (to learn what ships: the wall clock of its log); MB is everything the method needs.

*Here*: the published methods learned again on train.csv by `python -m detectors.train.text_methods` (scikit-learn, torch, transformers; none of it in the
product); what an earlier run left in the `--work` folder is used again, with the seconds that it took then. Bag of words as published, with a linear
support vector machine and a forest of 200 trees as they grow; costs were chosen on a tenth of train.csv. BERT, RoBERTa and XLNet cannot be had here: small
encoders in `--work` stand in their place, frozen, or with their upper layers fine-tuned. The character nets have the published sizes
(`detectors/nets/text_characters.py`), and CHAR_CNN learned all 25 epochs. **The nets with a GRU, and the encoder, learned for less than published, for want
of a GPU, in batches of 64 and 32: these rows say what little training gives, not what the nets can do.** The whole recipes are `PUBLISHED` in
`detectors/train/text_characters.py` and `detectors/train/text_finetune.py`."""
UNSEEN = """\
## Accounts that nobody saw
All accounts of the official test set are in the training data: a model may learn who writes. Here every post of train.csv is judged by models that saw
no post of its account. *Imitated*: nor of whom it imitates or who imitates it (folds never part such a pair, found by words and names): that is the
case of a site, and what the desk's error rates rest on. *Account*: folds by account alone, where the other one of a pair is in the training data and
pulls the wrong way. No trees on the n-grams here: the weighted mean of three n-gram models and of trees on style alone; the weights (1, .5, 1, 3) were
chosen on these same folds among nine, which flatters by less than .01. Eight folds; the mean is over the folds' own figures."""
ELSEWHERE = """\
**What it rests on.** With links, names and hashtags taken out of all posts (third row above) most of the signal is gone: the machines of this set
rarely put them in. So the published accuracies, ours included, say little about other posts, and whoever adds a name deceives the detector. People's
texts from elsewhere, the memes of SemEval-2021 task 6, all without such habits, are mostly taken for a machine's; the desk therefore gives no answer
where no post has a link, a name or a hashtag."""
GROWS = """\
Certainty grows with the posts of an account (imitated folds; accounts weigh alike; flagged: probability of at least .9, with one machine in two)."""
SHORT = """\
## Short posts
Answers wrong at probability .5 by length, accounts that nobody saw (imitated folds), and in `{name}` by the detector for seen accounts."""


EVASION = """\
## Disguises
The machines' posts of `{name}`, each disguised (`detectors/attacks/disguised.py`): the share still found by the detector for seen accounts (log-odds
above 0), with the text as it comes and with hygiene first; "the same": the share of disguised posts that hygiene gives back letter for letter."""


def body(conditions: Conditions) -> str:
    """The page's tables. Raises BadDataset without the data, WeightsError without the weights."""
    folder = conditions.data / "tweepfake"
    if not (folder / "train.csv").is_file():
        raise BadDataset(f"{folder / 'train.csv'}: there is no such file")
    name = "test.csv" if (folder / "test.csv").is_file() else "validation.csv"
    rows = judging.read(folder / name)
    file = weights.find("machine-text-1")
    built = MachineText(file)
    start = time.process_time()
    found = built.features(rows.texts)
    scores = built.log_odds(found)
    pace = 1000 * (time.process_time() - start) / len(rows.texts)
    data = training.read(folder / "train.csv")
    unseen, seconds = training.unseen_folds(data, conditions.seed)
    bare = training.read(folder / "train.csv", domain.without_habits)
    split = unseen["imitated"][2]
    unseen["imitated, links, names and hashtags taken out"] = (*training.unseen(bare, split, conditions.seed), split)
    introduction = INTRODUCTION.format(measures=found.style.shape[1], megabytes=file.stat().st_size / 1e6)
    parts = [
        introduction,
        SEEN.format(name=name, count=len(rows.texts)),
        _seen(rows, scores, found.decisions, [LEARNED_S, f"{pace:.1f}", f"{file.stat().st_size / 1e6:.1f}"], _methods(data.rows, rows, conditions)),
        UNSEEN,
        _unseen(data.rows, unseen),
        ELSEWHERE,
        _elsewhere(built, conditions.data),
        GROWS,
        _grows(training.stages(unseen["imitated"][0], data.rows, conditions.seed)),
        SHORT.format(name=name),
        _short(data.rows, unseen["imitated"][0], built, rows, scores),
        EVASION.format(name=name),
        _evasion(built, rows, scores, conditions.limit or MOST_DISGUISED),
        f"The folds took {seconds / 60:.0f} minutes.",
    ]
    return "\n\n".join(parts)


def _methods(learned: judging.TweetRows, rows: judging.TweetRows, conditions: Conditions) -> dict[str, list[object]]:
    """A line for each of the thirteen methods, learned here or kept in the work folder, by its published name; dashes where an encoder cannot be had."""
    lines: dict[str, list[object]] = {}
    for method in text_methods.methods(conditions.work):
        try:
            found = text_methods.measure(method, learned, rows, conditions.seed, conditions.work)
        except (WeightsError, ImportError) as error:
            lines[method.published] = [f"here: {method.name} (not measured: {error})", *["-"] * (len(HEAD) - 1)]
            continue
        metrics = judging.metrics(found.scores, rows)
        costs = [f"{found.seconds:.0f}", f"{found.pace:.2f}", f"{found.size / 1e6:.1f}"]
        lines[method.published] = [f"here: {method.name}", *(metrics[each] for each in METRICS), *costs]
    return lines


def _seen(rows: judging.TweetRows, scores: np.ndarray, decisions: np.ndarray, costs: list[object], methods: dict[str, list[object]]) -> str:
    lines: list[list[object]] = []
    for name, values in PUBLISHED.items():
        lines.append([f"published: {name}", *values, *["-"] * 5])
        if name in methods:
            lines.append(methods[name])
    lines += [line for name, line in methods.items() if name not in PUBLISHED]
    for n, view in enumerate(VIEWS):
        metrics = judging.metrics(decisions[:, n * COLUMNS], rows)
        lines.append([f"ours: {view} alone", *(metrics[each] for each in METRICS), *["-"] * 3])
    lengths = -np.array([float(len(text)) for text in rows.texts])
    metrics = judging.metrics(lengths - float(np.median(lengths)), rows)
    lines.append(["rival: length alone", *(metrics[each] for each in METRICS), *["-"] * 3])
    metrics = judging.metrics(scores, rows)
    lines.append(["**ours: all together (ships)**", *(metrics[each] for each in METRICS), *costs])
    return table(HEAD, lines)


def _unseen(rows: judging.TweetRows, unseen: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> str:
    lines = []
    for name, (scores, _, folds) in unseen.items():
        metrics = judging.unseen_metrics(scores, rows, folds)
        single, ten = metrics["auc_of_folds"], metrics[f"auc_account_{judging.POSTS}_of_folds"]
        lines.append([name, metrics["auc"], float(np.mean(single)), min(single), metrics[f"auc_account_{judging.POSTS}"], float(np.mean(ten)), min(ten)])
    head = ("folds by", "AUC a post", "mean of folds", "worst fold", "AUC over 10 posts", "mean of folds", "worst fold")
    return table(head, lines)


def _elsewhere(built: MachineText, data: Path) -> str:
    """The probabilities of memes' texts, as written and in sentence case."""
    files = sorted((data / "persuasion").rglob("task1.json"))
    texts = sorted({each["text"] for file in files for each in json.loads(file.read_text(encoding="utf-8")) if each.get("text")})
    ways = {
        "memes as they are": lambda text: text,
        "memes in sentence case": lambda text: ". ".join(line.capitalize() for line in text.split("\n") if line),
        "memes in sentence case, a name before": lambda text: "@name " + ". ".join(line.capitalize() for line in text.split("\n") if line),
    }
    lines = []
    for name, way in ways.items():
        clean = [text for text in (hygiene.clean(way(each)).text for each in texts) if domain.outside(text, least=20, rate=0.4) is None]
        if not clean:
            continue
        scores = built.unseen_score(built.features(clean))
        single = np.array([built.probability([score]) for score in scores])
        tens = np.array([built.probability(scores[at : at + 10]) for at in range(0, len(scores) - 9, 10)])
        lines.append([name, len(clean), float((single > 0.5).mean()), float((single >= SURE).mean()), float((tens >= SURE).mean())])
    return table(("people's texts", "n", "probability above .5", "flagged", "tens flagged"), lines) if lines else "The memes are not in the data folder."


def _grows(stages: np.ndarray) -> str:
    lines = [[str(int(row[0])), *map(float, row[3:])] for row in stages]
    return table(("posts", "answers wrong", "people flagged", "machines flagged"), lines)


def _short(trained: judging.TweetRows, unseen: np.ndarray, built: MachineText, rows: judging.TweetRows, scores: np.ndarray) -> str:
    chance = built.stage(1).slope * unseen + built.stage(1).bias
    lines = []
    for low, high in itertools.pairwise(LENGTHS):
        wrong, counts = [], []
        for each, score in ((trained, chance), (rows, scores)):
            lengths = np.array([len(text) for text in each.texts])
            at = (lengths >= low) & (lengths < high)
            wrong.append(float(((score > 0) != each.machine)[at].mean()) if at.any() else None)
            counts.append(str(int(at.sum())))
        lines.append([f"{low} to {high - 1}", counts[0], wrong[0], counts[1], wrong[1]])
    return table(("characters", "posts", "wrong, unseen accounts", "posts", "wrong, seen accounts"), lines)


def _evasion(built: MachineText, rows: judging.TweetRows, scores: np.ndarray, most: int) -> str:
    chosen = np.flatnonzero(rows.machine)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)]
    texts = [rows.texts[n] for n in chosen]
    lines: list[list[object]] = [["no disguise", float((scores[chosen] > 0).mean()), float((scores[chosen] > 0).mean()), 1.0]]
    for name, disguise in TRICKS.items():
        made = [disguise(text) for text in texts]
        clean = [hygiene.clean(text).text for text in made]
        found = [float((built.log_odds(built.features(each)) > 0).mean()) for each in (made, clean)]
        lines.append([name, *found, float(np.mean([a == b for a, b in zip(texts, clean, strict=True)]))])
    return table(("disguise", "found, as it comes", "found, hygiene first", "the same"), lines)
