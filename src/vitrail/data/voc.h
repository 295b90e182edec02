#pragma once
// Pascal VOC 2012 (21 classes with background) and the Semantic Boundaries Dataset on the same images.
//
//   voc:PATH   PATH is VOC2012 (or a folder that holds VOC2012 or VOCdevkit/VOC2012):
//     JPEGImages/*.jpg   SegmentationClass/*.png   ImageSets/Segmentation/{train,val,trainval}.txt
//     and, where it is, SegmentationClassAug/*.png with trainaug.txt (10,582 images)
//     and seg11valid.txt (736 images of VOC 2011's val that SBD does not train on: FCN's figures)
//   sbd:PATH   PATH is SBD's `dataset` (or a folder that holds it):
//     img/*.jpg   cls/*.mat (GTcls.Segmentation, without VOC's ignored borders)   {train,val,...}.txt
//
// 1464 train and 1449 val images; SBD 8498 and 2857. Label 255 (borders) is ignored. Sources: the VOC2012
// development kit; Hariharan et al. 2011. Flickr images: research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry voc_entry();
DatasetEntry sbd_entry();

}  // namespace vitrail
