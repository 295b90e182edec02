"""Saves torchvision's Mask R-CNN with random weights, pictures, and what torchvision finds in them.

usage: save_mask_rcnn.py FOLDER SHORT LONG [PICTURE...]
writes FOLDER/mask_rcnn.pth (state dict) and FOLDER/mask_rcnn_run.pth: count, and for every picture i image_i [H,W,3]
(0..255), boxes_i [n,4], labels_i [n], scores_i [n], masks_i [n,H,W] (probabilities). Without pictures three are made
up. Batch normalisation has an epsilon of 0, as torchvision sets it for its own weights.

Random heads say the same everywhere, and nearly. Here each channel of a head's output is scaled so that over a picture
it has mean 0 and a deviation as a trained network might have, so that there are boxes and scores are apart.
"""
import sys

import torch
import torch.nn.functional as F
from torchvision.models.detection import maskrcnn_resnet50_fpn

SPREAD = [("rpn.head.cls_logits", 3), ("rpn.head.bbox_pred", 0.5), ("roi_heads.box_predictor.cls_score", 4),
          ("roi_heads.box_predictor.bbox_pred", 1), ("roi_heads.mask_predictor.mask_fcn_logits", 3)]


def enliven(model, generator):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 0.0
            module.weight.data.uniform_(0.5, 1.0, generator=generator)
            module.bias.data.uniform_(-0.2, 0.2, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)


def spread(model, image):
    names = {name for name, _ in model.named_modules()}
    for name, deviation in SPREAD:
        if name not in names:
            continue
        layer, seen = model.get_submodule(name), []
        hook = layer.register_forward_hook(lambda module, given, output: seen.append(output))
        model([image])
        hook.remove()
        values = torch.cat([x.transpose(0, 1).flatten(1) for x in seen], 1)
        factor = deviation / values.std(1)
        layer.weight.data *= factor.view(-1, *[1] * (layer.weight.dim() - 1))
        layer.bias.data = (layer.bias.data - values.mean(1)) * factor


def made_up(generator):
    for height, width in ((90, 130), (120, 77), (64, 150)):
        coarse = torch.rand(1, 3, 9, 11, generator=generator)
        noise = torch.rand(1, 3, height, width, generator=generator) * 0.2
        smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
        yield ((smooth + noise).clamp(0, 1)[0] * 255).round() / 255


def opened(paths):
    from PIL import Image
    from torchvision.transforms.functional import pil_to_tensor

    return [pil_to_tensor(Image.open(path).convert("RGB")).float() / 255 for path in paths]


def main(folder, short, long, *paths):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91, min_size=int(short),
                                  max_size=int(long))
    enliven(model, generator)
    model.eval()
    images = opened(paths) if paths else list(made_up(generator))
    run = {"count": torch.tensor([len(images)])}
    with torch.no_grad():
        spread(model, images[0])
        for i, image in enumerate(images):
            found = model([image])[0]
            run[f"image_{i}"] = (image * 255).round().permute(1, 2, 0).contiguous()
            for key in ("boxes", "scores"):
                run[f"{key}_{i}"] = found[key].contiguous()
            run[f"labels_{i}"] = found["labels"].contiguous()
            run[f"masks_{i}"] = found["masks"][:, 0].contiguous()
    torch.save(model.state_dict(), f"{folder}/mask_rcnn.pth")
    torch.save(run, f"{folder}/mask_rcnn_run.pth")


if __name__ == "__main__":
    main(*sys.argv[1:])
