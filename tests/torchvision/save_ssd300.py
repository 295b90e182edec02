"""Saves torchvision's SSD300 with random weights, pictures, and what torchvision finds in them.

usage: save_ssd300.py FOLDER [PICTURE...]
writes FOLDER/ssd300.pth (state dict) and FOLDER/ssd300_run.pth: input [1,3,300,300] with box_codes and class_logits,
the network's own outputs; count, and for every picture i image_i [H,W,3] (0..255), boxes_i [n,4], labels_i [n],
scores_i [n]. Without pictures three are made up.

Random predictors say nearly the same everywhere. Here each one's output is scaled so that over a picture it has mean 0
and a deviation as a trained network might have, so that there are boxes and scores are apart.
"""
import sys

import torch
from save_mask_rcnn import made_up, opened
from torchvision.models.detection import ssd300_vgg16

SPREAD = [("classification_head", 4), ("regression_head", 2)]


def outputs_of(module, model, image):
    seen = []
    hook = module.register_forward_hook(lambda _, given, output: seen.append(output))
    model([image])
    hook.remove()
    return seen[0]


def spread(model, image):
    for head, deviation in SPREAD:
        for layer in model.head.get_submodule(head).module_list:
            values = outputs_of(layer, model, image)
            factor = deviation / values.std()
            layer.weight.data *= factor
            layer.bias.data = (layer.bias.data - values.mean()) * factor


def main(folder, *paths):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=91)
    model.eval()
    images = opened(paths) if paths else list(made_up(generator))
    run = {"count": torch.tensor([len(images)])}
    with torch.no_grad():
        spread(model, images[0])
        said = outputs_of(model.head, model, images[1])
        run["input"] = model.transform([images[1]])[0].tensors
        run["box_codes"], run["class_logits"] = said["bbox_regression"], said["cls_logits"]
        for i, image in enumerate(images):
            found = model([image])[0]
            run[f"image_{i}"] = (image * 255).round().permute(1, 2, 0)
            for key in ("boxes", "scores", "labels"):
                run[f"{key}_{i}"] = found[key]
    torch.save(model.state_dict(), f"{folder}/ssd300.pth")
    torch.save({key: value.contiguous() for key, value in run.items()}, f"{folder}/ssd300_run.pth")


if __name__ == "__main__":
    main(*sys.argv[1:])
