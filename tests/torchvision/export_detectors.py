"""Exports torchvision's whole Mask R-CNN and Keypoint R-CNN, postprocessing and all, with random weights.

usage: export_detectors.py FOLDER [full SHORT LONG [PICTURE...]]
writes FOLDER/mask.onnx and FOLDER/keypoints.onnx, which read one image [3,H,W], and FOLDER/images.pth: count, and for
every picture i image_i [3,H,W] (0..1). The networks' heads are torchvision's, narrow, behind two convolutions: what
their files are made of is the same as with a ResNet. `full` writes maskrcnn_resnet50_fpn as mask.onnx, and nothing else.
"""
import sys
import warnings

import torch
from torchvision.models.detection import KeypointRCNN, MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

from save_mask_rcnn import enliven, made_up, opened, spread


def narrow_backbone():
    layers = [torch.nn.Conv2d(3, 8, 3, 4, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3, 2, 1), torch.nn.ReLU()]
    backbone = torch.nn.Sequential(*layers)
    backbone.out_channels = 16
    return backbone


def narrow(network, classes, **heads):
    anchors = AnchorGenerator(((16, 32),), ((0.5, 1.0, 2.0),))
    return network(narrow_backbone(), min_size=96, max_size=128, rpn_anchor_generator=anchors,
                   rpn_pre_nms_top_n_test=200, rpn_post_nms_top_n_test=100, box_detections_per_img=12,
                   box_roi_pool=MultiScaleRoIAlign(["0"], 7, 2), box_head=TwoMLPHead(16 * 49, 32),
                   box_predictor=FastRCNNPredictor(32, classes), **heads)


def narrow_mask_rcnn():
    return narrow(MaskRCNN, 5, mask_roi_pool=MultiScaleRoIAlign(["0"], 14, 2), mask_head=MaskRCNNHeads(16, (8,), 1),
                  mask_predictor=MaskRCNNPredictor(8, 8, 5))


def narrow_keypoint_rcnn():
    return narrow(KeypointRCNN, 2, keypoint_roi_pool=MultiScaleRoIAlign(["0"], 14, 2),
                  keypoint_head=KeypointRCNNHeads(16, (8,)), keypoint_predictor=KeypointRCNNPredictor(8, 4))


def full_mask_rcnn(short, long, generator):
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91, min_size=short, max_size=long)
    enliven(model, generator)
    return model


def export(model, images, path):
    model.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spread(model, images[0])
        torch.onnx.export(model, ([images[0]],), path, opset_version=11, input_names=["image"],
                          output_names=list(model([images[0]])[0]), dynamic_axes={"image": {1: "height", 2: "width"}})


def main(folder, *full):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    images = opened(full[3:]) if len(full) > 3 else list(made_up(generator))
    if full:
        export(full_mask_rcnn(int(full[1]), int(full[2]), generator), images, f"{folder}/mask.onnx")
    else:
        export(narrow_mask_rcnn(), images, f"{folder}/mask.onnx")
        export(narrow_keypoint_rcnn(), images, f"{folder}/keypoints.onnx")
    run = {f"image_{i}": image.contiguous() for i, image in enumerate(images)}
    torch.save({"count": torch.tensor([len(images)]), **run}, f"{folder}/images.pth")


if __name__ == "__main__":
    main(*sys.argv[1:])
