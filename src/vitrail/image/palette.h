#pragma once
// Colours for classes.
//
//   std::vector<Rgb> colors = voc_palette(21);     // colors[15] == {192, 128, 128}, a person

#include <string>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

/// Pascal VOC's palette for the labels 0..n-1: bit j of channel c is bit 3j + c of the label, placed at bit 7
/// - j. All n colours differ (n <= 2^24). Source: the VOC2012 development kit's VOClabelcolormap.
std::vector<Rgb> voc_palette(int64_t n = 256);

/// Cityscapes' 19 training classes, road to bicycle, in the order of their train ids. Source:
/// cityscapesScripts' label table.
std::vector<Rgb> cityscapes_palette();

/// CamVid's 11 classes in SegNet's order (sky, building, pole, road, pavement, tree, sign, fence, car,
/// pedestrian, bicyclist). Source: CamVid's label_colors.txt.
std::vector<Rgb> camvid_palette();

/// n colours that are as far from each other to the eye as a greedy choice can make them: each next one is
/// the farthest (CIE L*a*b* distance) from all before, so the first k do not depend on n. For classes without
/// colours of their own. n <= 1024.
std::vector<Rgb> distinct_palette(int64_t n);

}  // namespace vitrail
