"""Saves torchvision networks with random weights, an input and the output that torchvision computes from it.

usage: save.py FOLDER NAME...     writes FOLDER/NAME.pth (state dict) and FOLDER/NAME_run.pth ({"input", "output"})
"""
import sys

import torch
import torchvision.models as models


def build(name):
    function = getattr(models, name, None) or getattr(models.segmentation, name)
    options = {"weights": None}
    if name.startswith(("vgg", "googlenet")):
        options["init_weights"] = False
    if function.__module__.startswith("torchvision.models.segmentation"):
        options.update(weights_backbone=None, num_classes=21)
        if not name.startswith("lraspp"):
            options["aux_loss"] = True
    return function(**options)


def enliven(model, generator):
    """Statistics and factors that are not the neutral ones, so that leaving one out would show."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.0, generator=generator)
            module.bias.data.uniform_(-0.2, 0.2, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)


def main(folder, names):
    torch.set_num_threads(2)
    for number, name in enumerate(names):
        torch.manual_seed(number)
        generator = torch.Generator().manual_seed(number)
        model = build(name)
        enliven(model, generator)
        model.eval()
        image = torch.rand(1, 3, 97, 129, generator=generator) * 2 - 1
        with torch.no_grad():
            output = model(image)
        if isinstance(output, dict):
            output = output["out"]
        torch.save(model.state_dict(), f"{folder}/{name}.pth")
        torch.save({"input": image, "output": output}, f"{folder}/{name}_run.pth")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
