#pragma once
// Two data sets of microscopy: what U-Net was made for.
//
//   isbi2012:PATH   ISBI 2012 EM segmentation challenge: 30 slices of 512x512, membrane (0) and cell (255).
//                   As published: train-volume.tif and train-labels.tif of 30 pages; or the slices as files,
//                   image/*.png and label/*.png of the same names.
//                   Splits: train (all), train24 and val6 (the first 24 and the last 6 slices)
//   dsb2018:PATH    nuclei of the Data Science Bowl 2018: images/*.png, instances/*.png (0 = background, 1..
//                   = nuclei; here: nucleus or not), {train,val,test}.txt. CC0
//
// Sources: Arganda-Carreras et al. 2015 (research); Caicedo et al. 2019, BBBC038.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry isbi2012_entry();
DatasetEntry dsb2018_entry();

}  // namespace vitrail
