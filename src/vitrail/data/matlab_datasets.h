#pragma once
// Two data sets whose labels are MATLAB matrices, in the layout that FCN's code reads.
//
//   nyud:PATH    NYUDv2 with 40 classes: images/img_*.png, segmentation/img_*.mat ('segmentation': 0 void,
//                1..40), {train,val,trainval,test}.txt; 795 train + val, 654 test
//   nyud-hha:PATH        the same labels, and of each scene hha/img_*.png: its depth as a picture of three
//                        channels: horizontal disparity, height above ground, angle with gravity (Gupta et
//                        al. 2014). Pictures may also lie in data/images and data/hha.
//   nyud-rgb-hha:PATH    both in one picture of six channels: R, G, B, disparity, height, angle
//   sift-flow:PATH       SIFT Flow, 33 semantic classes: Images/**.jpg, SemanticLabels/**.mat ('S': 0 void,
//                        1..33), {trainval,test}.txt; 2486 and 200
//   sift-flow-geo:PATH   the same images, 3 geometric classes: GeoLabels/**.mat ('S': -1 void, 1..3)
//
// Class = label - 1, by label map. SIFT Flow's test has no cow, desert and moon: leave absent classes out of
// its mean (SPEC 12). Sources: Gupta et al. 2013; Liu et al. 2009. Research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry nyud_entry();
DatasetEntry nyud_hha_entry();
DatasetEntry nyud_rgb_hha_entry();
DatasetEntry sift_flow_entry();
DatasetEntry sift_flow_geo_entry();

}  // namespace vitrail
