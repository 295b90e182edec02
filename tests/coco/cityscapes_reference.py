#!/usr/bin/env python3
"""Cityscapes' instance AP, written a second time from its rules (SPEC 12) as an oracle for the C++ one.

    cityscapes_reference.py sets.json figures.json

A set: {"classes": n, "frames": [{"void": bits, "truth": [...], "found": [...]}]}, masks as lists of pixel numbers.
A figure list: [range: all, 100 m, 50 m][class][overlap], null where there is no object that counts.
"""
import json
import sys

OVERLAPS = [0.5 + i * 0.05 for i in range(10)]
RANGES = [(100, float("inf"), -float("inf")), (1000, 100, 0.5), (1000, 50, 0.5)]


def iou(a, b):
    return len(a & b) / len(a | b)


def judge(frame, label, overlap, limits):
    """[(score, is right)], missed objects, whether objects count, whether anything was found."""
    least, furthest, density = limits

    def counts(t):
        return len(t["mask"]) >= least and t["distance"] <= furthest and t["density"] >= density

    truth = [t for t in frame["truth"] if t["class"] == label]
    found = [f for f in frame["found"] if f["class"] == label and f["mask"]]
    wanted = [t for t in truth if not t["group"] and counts(t)]
    scores, missed = [], 0
    for t in wanted:
        hits = sorted((f["score"] for f in found if iou(t["mask"], f["mask"]) > overlap), reverse=True)
        missed += not hits
        scores += [(score, rank == 0) for rank, score in enumerate(hits)]
    for f in found:
        if any(iou(t["mask"], f["mask"]) > overlap for t in truth):
            continue
        forgiven = len(f["mask"] & frame["void"])
        for t in truth:
            common = len(t["mask"] & f["mask"])
            forgiven += common * t["group"] + common * (not counts(t))
        if forgiven / len(f["mask"]) <= overlap:
            scores.append((f["score"], False))
    return scores, missed, bool(wanted), bool(found)


def average_precision(frames, label, overlap, limits):
    judged = [judge(frame, label, overlap, limits) for frame in frames]
    if not any(wanted for _, _, wanted, _ in judged):
        return None
    if not any(found for _, _, _, found in judged):
        return 0.0
    scores = [s for frame_scores, _, _, _ in judged for s in frame_scores]
    if not scores:
        return 0.0
    objects = sum(right for _, right in scores) + sum(missed for _, missed, _, _ in judged)
    points = []
    for threshold in sorted({score for score, _ in scores}):
        kept = [right for score, right in scores if score >= threshold]
        points.append((sum(kept) / len(kept), sum(kept) / objects))
    points.append((points[-1][0], 0.0))
    recalls = [points[0][1]] + [recall for _, recall in points] + [0.0]
    return sum(points[i][0] * (recalls[i] - recalls[i + 2]) / 2 for i in range(len(points)))


def main():
    with open(sys.argv[1]) as file:
        sets = json.load(file)
    for data in sets:
        for frame in data["frames"]:
            frame["void"] = set(frame["void"])
            for thing in frame["truth"] + frame["found"]:
                thing["mask"] = set(thing["mask"])
    with open(sys.argv[2], "w") as file:
        json.dump([[[[average_precision(data["frames"], label, overlap, limits) for overlap in OVERLAPS]
                     for label in range(data["classes"])] for limits in RANGES] for data in sets], file)


if __name__ == "__main__":
    main()
