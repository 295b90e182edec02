#pragma once
// Pascal Context: 459 labels on VOC 2010's images, of which 59 are used; 4998 train, 5105 val.
//
//   JPEGImages/*.jpg   trainval/*.mat (LabelMap, 1..459)   {train,val}.txt beside them or in ImageSets/Main
//
// The class order is a trap (SPEC 13): a network's class 5 is another one in FCN's list and in
// PyTorch-Encoding's. Hence three names:
//   pascal-context-59    59 classes by id (aeroplane, bag, bed ...), the rest ignored: FastFCN's 59
//   pascal-context-60    background first, then the same 59: FastFCN's and SETR's 60
//   pascal-context-fcn   background first, then FCN's order (VOC's 20 classes first)
// Source: Mottaghi et al. 2014; the lists are FCN's and PyTorch-Encoding's. Research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry pascal_context_59_entry();
DatasetEntry pascal_context_60_entry();
DatasetEntry pascal_context_fcn_entry();

}  // namespace vitrail
