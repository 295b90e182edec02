"""Saves what torchvision computes from random boxes, maps and masks, for the comparison with vitrail's detect/.

usage: detection.py FILE.pth      a dictionary of tensors: NAME.INPUT and NAME.OUTPUT
"""
import sys
from types import SimpleNamespace

import torch
from torchvision import ops
from torchvision.models.detection import _utils as det
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads, paste_masks_in_image
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.ssd import SSD


def boxes(count, width=640, height=480, least=1.0):
    corners = torch.rand(count, 4) * torch.tensor([width, height, width, height])
    low, high = torch.minimum(corners[:, :2], corners[:, 2:]), torch.maximum(corners[:, :2], corners[:, 2:])
    return torch.cat([low, high + least], 1)


def overlaps(out):
    a, b = boxes(60), boxes(50)
    out.update({"iou.a": a, "iou.b": b, "iou.table": ops.box_iou(a, b)})
    wild = boxes(40) * 2 - 300
    out.update({"clip.boxes": wild, "clip.clipped": ops.clip_boxes_to_image(wild, (480, 640))})


def suppression(out):
    several, scores = boxes(1500), torch.rand(1500)
    groups = torch.randint(0, 4, (1500,))
    out.update({"nms.boxes": several, "nms.scores": scores, "nms.groups": groups,
                "nms.kept": ops.nms(several, scores, 0.4), "nms.kept_by_group": ops.batched_nms(several, scores, groups, 0.4)})


def crops(out):
    maps = torch.randn(2, 5, 30, 40)
    several = torch.cat([boxes(30), boxes(10) * 2 - 300, boxes(10, least=0) / 40])
    images = torch.randint(0, 2, (50, 1)).float()
    rois = torch.cat([images, several], 1)
    out.update({"roi.maps": maps, "roi.boxes": several, "roi.images": images[:, 0].long()})
    for aligned in (False, True):
        for ratio in (0, 2, 3):
            out[f"roi.align_{int(aligned)}_{ratio}"] = ops.roi_align(maps, rois, (7, 5), 1 / 16, ratio, aligned)
    # Bins of whole cells in float too: 4 by 8.
    out["roi.pool"] = ops.roi_pool(maps, rois, (4, 8), 1 / 16)
    levels = {str(i): torch.randn(1, 3, 256 >> i, 192 >> i) for i in range(4)}
    sized = torch.cat([boxes(20, 768, 1024), boxes(20, 60, 60)]).clamp(max=768)
    pool = ops.MultiScaleRoIAlign(list(levels), 7, 2)
    out.update({f"levels.map_{i}": levels[str(i)] for i in range(4)})
    out.update({"levels.boxes": sized, "levels.crops": pool(levels, [sized], [(1024, 768)])})


def masks(out):
    several = torch.cat([boxes(25), boxes(5) * 1.5 - 200])
    smooth = torch.nn.functional.avg_pool2d(torch.rand(30, 1, 34, 34), 7, 1)
    smooth = (smooth - 0.5) * 4 + 0.5
    pasted = paste_masks_in_image(smooth, several, (480, 640))
    out.update({"paste.masks": smooth, "paste.boxes": several, "paste.pasted": (pasted[:, 0] > 0.5).to(torch.uint8)})


def anchors(out):
    grids = [(200, 272), (100, 136), (50, 68), (25, 34), (13, 17)]
    maps = [torch.zeros(1, 1, *grid) for grid in grids]
    images = ImageList(torch.zeros(1, 3, 800, 1088), [(800, 1088)])
    sizes = ((32,), (64,), (128,), (256,), (512,))
    out["anchors.fpn"] = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)(images, maps)[0]
    single = AnchorGenerator(((32, 64, 128, 256, 512),), ((0.5, 1.0, 2.0),))
    out["anchors.c4"] = single(images, [torch.zeros(1, 1, 50, 68)])[0]
    ssd = DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
                              steps=[8, 16, 32, 64, 100, 300])
    grids = [38, 19, 10, 5, 3, 1]
    out["anchors.ssd300"] = ssd(ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)]),
                                [torch.zeros(1, 1, g, g) for g in grids])[0]


def coding(out):
    coder = det.BoxCoder((10.0, 10.0, 5.0, 5.0))
    a, b, codes = boxes(80), boxes(80), torch.randn(80, 12) * 4
    out.update({"coding.anchors": a, "coding.boxes": b, "coding.codes": coder.encode_single(b, a),
                "coding.predicted": codes, "coding.decoded": coder.decode_single(codes, a)})


def matching(out):
    # Corners on a grid: several anchors have the same overlap.
    coarse = (boxes(400, 256, 256, 8) / 16).round() * 16
    objects = (boxes(9, 256, 256, 8) / 16).round() * 16
    anchors_ = coarse[ops.box_area(coarse) > 0]
    table = ops.box_iou(objects, anchors_)
    out.update({"match.anchors": anchors_, "match.objects": objects,
                "match.proposals": det.Matcher(0.7, 0.3, True)(table), "match.heads": det.Matcher(0.5, 0.5, False)(table),
                "match.ssd": det.SSDMatcher(0.5)(table)})


def choices(out):
    coder = det.BoxCoder((10.0, 10.0, 5.0, 5.0))
    anchors_, codes, logits = boxes(600, 300, 300), torch.randn(1, 600, 4) * 2, torch.randn(1, 600, 4) * 2
    ssd = SimpleNamespace(box_coder=coder, score_thresh=0.1, topk_candidates=100, nms_thresh=0.45, detections_per_img=150)
    found = SSD.postprocess_detections(ssd, {"bbox_regression": codes, "cls_logits": logits}, [anchors_], [(300, 300)])[0]
    out.update({"ssd.anchors": anchors_, "ssd.codes": codes[0], "ssd.logits": logits[0]})
    out.update({f"ssd.{key}": value for key, value in found.items()})

    proposals, own = boxes(400), torch.randn(400, 16)
    heads = SimpleNamespace(box_coder=coder, score_thresh=0.3, nms_thresh=0.5, detections_per_img=80)
    logits = torch.randn(400, 4) * 2
    results = RoIHeads.postprocess_detections(heads, logits, own, [proposals], [(480, 640)])
    out.update({"heads.proposals": proposals, "heads.codes": own, "heads.logits": logits})
    out.update({f"heads.{key}": value[0] for key, value in zip(("boxes", "scores", "labels"), results)})

    counts = [500, 200, 40]
    anchors_, objectness = boxes(740), torch.randn(1, 740) * 2
    codes = torch.randn(740, 4) * 0.5
    decoded = det.BoxCoder((1.0, 1.0, 1.0, 1.0)).decode(codes, [anchors_]).view(1, -1, 4)
    rpn = SimpleNamespace(pre_nms_top_n=lambda: 150, post_nms_top_n=lambda: 120, min_size=1e-3, score_thresh=0.0,
                          nms_thresh=0.7)
    rpn._get_top_n_idx = lambda *args: RegionProposalNetwork._get_top_n_idx(rpn, *args)
    kept, scores = RegionProposalNetwork.filter_proposals(rpn, decoded, objectness, [(480, 640)], counts)
    out.update({"rpn.anchors": anchors_, "rpn.objectness": objectness[0], "rpn.codes": codes,
                "rpn.counts": torch.tensor(counts), "rpn.boxes": kept[0], "rpn.scores": scores[0]})


def main(path):
    torch.manual_seed(7)
    torch.set_num_threads(2)
    out = {}
    for part in (overlaps, suppression, crops, masks, anchors, coding, matching, choices):
        part(out)
    torch.save({name: tensor.contiguous() for name, tensor in out.items()}, path)


if __name__ == "__main__":
    main(sys.argv[1])
