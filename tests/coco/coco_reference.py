#!/usr/bin/env python3
"""COCO's evaluation, written a second time from its rules (SPEC 12, 15.8, 15.10) as an oracle for the C++ one.

Reads a list of sets as JSON from a file, each with images, categories, annotations and results as in COCO's own
files, and writes for each set and kind of overlap every figure: AP and AR by threshold (and their mean), range of
areas, most finds per picture and category (and the mean over categories). What is undefined is null.

    coco_reference.py sets.json figures.json

Nothing but Python's standard library. A mask is one integer with bit x * height + y set.
"""
import bisect
import json
import math
import sys

THRESHOLDS = [i * ((0.95 - 0.5) / 9) + 0.5 for i in range(9)] + [0.95]
RECALLS = [i * 0.01 for i in range(100)] + [1.0]
AREAS = [(0, 1e10), (0, 32 ** 2), (32 ** 2, 96 ** 2), (96 ** 2, 1e10)]
MOST_FOUND = [1, 10, 100]
TOP = MOST_FOUND[-1]


def counts_from_text(text):
    counts, value, shift = [], 0, 0
    for character in text:
        group = ord(character) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def bits_from_counts(counts):
    bits, place = 0, 0
    for i, run in enumerate(counts):
        if i % 2:
            bits |= ((1 << run) - 1) << place
        place += run
    return bits


def outline_points(polygon):
    """All grid points of a walk around the polygon, five to a pixel."""
    corners = [(int(5 * x + 0.5), int(5 * y + 0.5)) for x, y in zip(polygon[0::2], polygon[1::2])]
    points = []
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        wide = abs(bx - ax) >= abs(by - ay)
        backwards = ax > bx if wide else ay > by
        (px, py), (qx, qy) = ((bx, by), (ax, ay)) if backwards else ((ax, ay), (bx, by))
        steps = qx - px if wide else qy - py
        if steps == 0:
            continue
        if wide:
            edge = [(px + d, int(py + (qy - py) / steps * d + 0.5)) for d in range(steps + 1)]
        else:
            edge = [(int(px + (qx - px) / steps * d + 0.5), py + d) for d in range(steps + 1)]
        points += reversed(edge) if backwards else edge
    return points


def bits_from_polygon(polygon, height, width):
    bits = 0
    full = (1 << height * width) - 1
    points = outline_points(polygon)
    for (ax, ay), (bx, by) in zip(points, points[1:]):
        if ax == bx:
            continue
        column = (min(ax, bx) + 0.5) / 5 - 0.5
        if column != math.floor(column) or not 0 <= column <= width - 1:
            continue
        row = math.ceil(min(max((min(ay, by) + 0.5) / 5 - 0.5, 0), height))
        bits ^= full >> (int(column) * height + row) << (int(column) * height + row)
    return bits


def mask_of(segmentation, height, width):
    if isinstance(segmentation, dict):
        assert segmentation["size"] == [height, width]
        counts = segmentation["counts"]
        return bits_from_counts(counts_from_text(counts) if isinstance(counts, str) else counts)
    bits = 0
    for polygon in segmentation:
        bits |= bits_from_polygon(polygon, height, width)
    return bits


def rim_of(bits, height, width):
    """The pixels that 3x3 erosion, with nothing outside of the picture, takes away."""
    tall = height + 2
    padded = 0
    for x in range(width):
        padded |= (bits >> x * height & (1 << height) - 1) << (x + 1) * tall + 1
    for _ in range(max(1, round(0.02 * math.hypot(height, width)))):
        line = padded & padded << 1 & padded >> 1
        padded = line & line << tall & line >> tall
    core = 0
    for x in range(width):
        core |= (padded >> (x + 1) * tall + 1 & (1 << height) - 1) << x * height
    return bits & ~core


def ones(bits):
    return bin(bits).count("1")


class Picture:
    """The objects of one category in one picture, true and found, with their overlaps."""

    def __init__(self, size, truths, finds, kind):
        self.truths = truths
        self.finds = sorted(finds, key=lambda find: -find["score"])[:TOP]
        for thing in self.truths + self.finds:
            self.measure(thing, size, kind)
        self.overlaps = [[self.overlap(find, truth, kind) for truth in truths] for find in self.finds]

    @staticmethod
    def measure(thing, size, kind):
        if kind == "boxes":
            thing["extent"] = thing["bbox"][2] * thing["bbox"][3]
            return
        if "bits" not in thing:
            thing["bits"] = mask_of(thing["segmentation"], *size)
        thing["extent"] = ones(thing["bits"])
        if kind == "boundaries" and "rim" not in thing:
            thing["rim"] = rim_of(thing["bits"], *size)

    @staticmethod
    def overlap(find, truth, kind):
        if kind == "boxes":
            (fx, fy, fw, fh), (tx, ty, tw, th) = find["bbox"], truth["bbox"]
            wide = min(fx + fw, tx + tw) - max(fx, tx)
            high = min(fy + fh, ty + th) - max(fy, ty)
            if wide <= 0 or high <= 0:
                return 0.0
            return wide * high / (fw * fh if truth["iscrowd"] else fw * fh + tw * th - wide * high)

        def of_bits(key):
            both = ones(find[key] & truth[key])
            either = ones(find[key]) if truth["iscrowd"] else ones(find[key] | truth[key])
            return both / either if both else 0.0

        if kind == "masks" or truth["iscrowd"]:
            return of_bits("bits")
        return min(of_bits("bits"), of_bits("rim"))

    def judge(self, threshold, area, zero_is_unmatched):
        """How many objects count, and for each find (score, "right", "wrong" or "excused")."""
        low, high = area
        counts = [not truth["iscrowd"] and low <= truth["area"] <= high for truth in self.truths]
        candidates = [i for i, c in enumerate(counts) if c] + [i for i, c in enumerate(counts) if not c]
        taken, verdicts = set(), []
        for row, find in zip(self.overlaps, self.finds):
            partner, best = None, min(threshold, 1 - 1e-10)
            for i in candidates:
                if i in taken and not self.truths[i]["iscrowd"]:
                    continue
                if partner is not None and counts[partner] and not counts[i]:
                    break
                if row[i] >= best:
                    partner, best = i, row[i]
            if partner is not None:
                taken.add(partner)
            excused = partner is not None and not counts[partner]
            matched = partner is not None and not (zero_is_unmatched and self.truths[partner]["id"] == 0)
            if not matched and not low <= find["extent"] <= high:
                excused = True
            verdicts.append((find["score"], "excused" if excused else "right" if matched else "wrong"))
        return sum(counts), verdicts


def curve(judged, most):
    """Mean precision over the recall steps and the last recall; None without objects."""
    objects = sum(count for count, _ in judged)
    if objects == 0:
        return None, None
    finds = sorted((v for _, verdicts in judged for v in verdicts[:most]), key=lambda v: -v[0])
    right = wrong = 0
    recalls, precisions = [], []
    for _, verdict in finds:
        right += verdict == "right"
        wrong += verdict == "wrong"
        recalls.append(right / objects)
        precisions.append(right / (wrong + right + sys.float_info.epsilon))
    for i in reversed(range(1, len(precisions))):
        precisions[i - 1] = max(precisions[i - 1], precisions[i])
    total = 0.0
    for recall in RECALLS:
        i = bisect.bisect_left(recalls, recall)
        total += precisions[i] if i < len(precisions) else 0.0
    return total / len(RECALLS), recalls[-1] if recalls else 0.0


def mean(values):
    present = [v for v in values if v is not None]
    return sum(present) / len(present) if present else None


def figures_of(data, kind):
    """[precision or recall][mean, then each threshold][area][most found][all, then each category]"""
    images = sorted(data["images"], key=lambda image: image["id"])
    categories = sorted(data["categories"])
    table = {}
    for category in categories:
        def mine(things, image):
            return [t for t in things if t["image_id"] == image["id"] and t["category_id"] == category]
        pictures = [Picture((image["height"], image["width"]), mine(data["annotations"], image),
                            mine(data["results"], image), kind) for image in images]
        pictures = [p for p in pictures if p.truths or p.finds]
        for a, area in enumerate(AREAS):
            for t, threshold in enumerate(THRESHOLDS):
                judged = [p.judge(threshold, area, data["zero_is_unmatched"]) for p in pictures]
                for m, most in enumerate(MOST_FOUND):
                    table[category, a, t, m] = curve(judged, most)

    def figure(which, thresholds, a, m, chosen):
        return mean([table[c, a, t, m][which] for t in thresholds for c in chosen])

    groups = [range(len(THRESHOLDS))] + [[t] for t in range(len(THRESHOLDS))]
    return [[[[[figure(which, group, a, m, chosen) for chosen in [categories] + [[c] for c in categories]]
               for m in range(len(MOST_FOUND))] for a in range(len(AREAS))] for group in groups]
            for which in (0, 1)]


def main():
    with open(sys.argv[1]) as file:
        sets = json.load(file)
    with open(sys.argv[2], "w") as file:
        json.dump([{kind: figures_of(data, kind) for kind in data["kinds"]} for data in sets], file)


if __name__ == "__main__":
    main()
