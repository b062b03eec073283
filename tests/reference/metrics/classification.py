"""Writes fixtures/metrics/classification.json.gz: what scikit-learn makes of made-up scores and labels.

    python classification.py

A list of { kind, pictures, classes, seed, k, expected }. The scores and labels follow from the first four: `made` below, and madeClassification in
tests/metrics/made.ts. null is NaN. repeated: of the pictures, each as often as its weight says. curves: of the class `curveClass`.
"""

import warnings

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve

from made import Numbers, write

BINS = 15


def made(kind, pictures, classes, seed):
    numbers = Numbers(seed)
    known = {"absent": max(1, classes // 2), "single class": 1}.get(kind, classes)
    truth = np.array([numbers.below(known) for _ in range(pictures)])
    rows = []
    for label in truth:
        if kind == "constant":
            rows.append([1 / classes] * classes)
        elif kind == "perfect":
            rows.append([1.0 if c == label else 0.0 for c in range(classes)])
        elif kind == "wrong":
            rows.append([1.0 if c == (label + 1) % classes else 0.0 for c in range(classes)])
        elif kind == "edges":
            score = (8 + numbers.below(8)) * (1 / BINS)
            rows.append([score, 1 - score])
        elif kind == "logits":
            rows.append([numbers.fraction() * 20 - 10 for _ in range(classes)])
        elif kind == "ties":
            rows.append([numbers.below(4) / 4 for _ in range(classes)])
        else:
            row = []
            for c in range(classes):
                value = float(numbers.below(4) + 1) if kind == "even ties" else numbers.fraction()
                row.append(value + 1 if kind == "good" and c == label and classes > 1 else value)
            total = 0.0
            for value in row:
                total += value
            rows.append([value / total for value in row])
    scores = np.array(rows, dtype=np.float32 if kind == "float32" else np.float64).astype(np.float64)
    weights = np.array([numbers.below(4) for _ in range(pictures)])
    weights[0] = 1
    return truth, scores, weights


def averages(truth, predicted):
    result = {}
    for average in ("macro", "weighted", "micro"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        result[average] = {"precision": precision, "recall": recall, "f1": f1}
    result["balancedAccuracy"] = metrics.balanced_accuracy_score(truth, predicted)
    return result


def top_k(truth, scores, classes, k):
    if classes > 2 and k < classes:
        return metrics.top_k_accuracy_score(truth, scores, k=k, labels=range(classes))
    # scikit-learn takes no two columns, and warns of a k that says nothing; the order is the same.
    ranked = np.argsort(scores, axis=1, kind="stable")[:, ::-1][:, :k]
    return (ranked == truth[:, None]).any(axis=1).mean()


def areas(truth, scores, classes):
    return [
        metrics.roc_auc_score(truth == c, scores[:, c]) if 0 < (truth == c).sum() < len(truth) else np.nan
        for c in range(classes)
    ]


def calibration(correct, confidence):
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = np.histogram(np.searchsorted(edges[1:-1], confidence), bins=np.arange(BINS + 1))[0]
    accuracy, mean_confidence = np.full(BINS, np.nan), np.full(BINS, np.nan)
    observed, said = calibration_curve(correct, confidence, n_bins=BINS, strategy="uniform", pos_label=1)
    accuracy[counts > 0], mean_confidence[counts > 0] = observed, said
    error = np.nansum(counts * np.abs(accuracy - mean_confidence)) / counts.sum()
    return error, {"count": counts, "accuracy": accuracy, "confidence": mean_confidence}


def expected_of(kind, truth, scores, weights, classes, k):
    predicted = scores.argmax(axis=1)
    labels = range(classes)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=labels, average=None, zero_division=0
    )
    auc = np.array(areas(truth, scores, classes))
    defined = ~np.isnan(auc)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "topK": top_k(truth, scores, classes, k),
        **averages(truth, predicted),
        "perClass": {"precision": precision, "recall": recall, "f1": f1, "support": support, "rocAuc": auc},
        "rocAuc": {
            "macro": auc[defined].mean() if defined.any() else np.nan,
            "weighted": np.average(auc[defined], weights=support[defined]) if support[defined].any() else np.nan,
        },
        "logLoss": np.nan,
        "brier": np.nan,
        "calibrationError": np.nan,
        "bins": None,
    }
    if classes <= 20:
        expected["confusion"] = metrics.confusion_matrix(truth, predicted, labels=labels).ravel()
    if kind not in ("logits", "ties"):
        expected["logLoss"] = expected["brier"] = 0.0  # of one class, which scikit-learn does not take
        if classes > 1:
            expected["logLoss"] = metrics.log_loss(truth, scores, labels=labels)
            expected["brier"] = metrics.brier_score_loss(truth, scores, labels=labels)
        correct = (truth == predicted).astype(int)
        expected["calibrationError"], expected["bins"] = calibration(correct, scores.max(axis=1))
        if classes > 2 and defined.all():
            for average in ("macro", "weighted"):
                whole = metrics.roc_auc_score(truth, scores, multi_class="ovr", average=average, labels=labels)
                assert abs(whole - expected["rocAuc"][average]) < 1e-12
    drawn = np.repeat(np.arange(len(truth)), weights)
    expected["repeated"] = {
        "accuracy": metrics.accuracy_score(truth[drawn], predicted[drawn]),
        "balanced accuracy": metrics.balanced_accuracy_score(truth[drawn], predicted[drawn]),
        "macro F1": metrics.f1_score(truth[drawn], predicted[drawn], average="macro", zero_division=0),
    }
    expected["curveClass"] = min(1, classes - 1)
    positive = truth == expected["curveClass"]
    own = scores[:, expected["curveClass"]]
    expected["roc"] = expected["precisionRecall"] = None
    if positive.any():
        y, x, thresholds = metrics.precision_recall_curve(positive, own)
        expected["precisionRecall"] = {"x": x[::-1], "y": y[::-1], "thresholds": [np.inf, *thresholds[::-1]]}
        if not positive.all():
            x, y, thresholds = metrics.roc_curve(positive, own)
            expected["roc"] = {"x": x, "y": y, "thresholds": thresholds}
    return expected


def cases():
    seed = 0
    for kind in ("noise", "good", "ties", "even ties", "float32", "logits", "absent"):
        for classes in (2, 3, 4, 7, 12):
            for pictures in (1, 2, 5, 24, 60, 151):
                seed += 1
                yield kind, pictures, classes, seed
    for kind in ("constant", "perfect", "wrong", "single class", "good"):
        for classes in (1, 2, 3, 10):
            for pictures in (1, 20):
                if kind == "wrong" and classes == 1:
                    continue
                seed += 1
                yield kind, pictures, classes, seed
    for pictures in (1, 40, 400):
        seed += 1
        yield "edges", pictures, 2, seed
    for kind in ("noise", "good", "float32"):
        seed += 1
        yield kind, 40, 1000, seed


def main():
    warnings.filterwarnings("ignore")  # of what is undefined: that is looked for here
    content = []
    for number, (kind, pictures, classes, seed) in enumerate(cases()):
        k = (5, 2, 1, 3)[number % 4]
        truth, scores, weights = made(kind, pictures, classes, seed)
        expected = expected_of(kind, truth, scores, weights, classes, k)
        content.append({"kind": kind, "pictures": pictures, "classes": classes, "seed": seed, "k": k, "expected": expected})
    write("classification", content)
    print(f"{len(content)} cases")


if __name__ == "__main__":
    main()
