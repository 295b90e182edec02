/* Labels a picture from C: segment MODEL.onnx PICTURE LABELS.png
 *
 *   cc -std=c99 segment.c -lvitrail -o segment */
#include <stdio.h>
#include <stdlib.h>
#include <vitrail.h>

static int fail(const vitrail_error* error) {
  fprintf(stderr, "segment: %s\n", error->text);
  return 1;
}

static int segment(const vitrail_model* model, const char* picture, const char* out) {
  vitrail_error error = VITRAIL_ERROR_INIT;
  int64_t height = 0, width = 0, counts[256] = {0}, i;
  uint8_t* labels;
  int status = 0;
  if (vitrail_picture_size(picture, &height, &width, &error) != VITRAIL_OK) return fail(&error);
  labels = malloc((size_t)(height * width));
  if (labels == NULL) return 1;
  if (vitrail_segment_file(model, picture, labels, height, width, 0, &error) != VITRAIL_OK ||
      vitrail_write_labels(model, out, labels, height, width, 0, &error) != VITRAIL_OK)
    status = fail(&error);
  for (i = 0; status == 0 && i < height * width; ++i)
    ++counts[labels[i]];
  for (i = 0; status == 0 && i < vitrail_class_count(model); ++i)
    if (counts[i] > 0)
      printf("%5.1f %% %s\n", 100.0 * (double)counts[i] / (double)(height * width),
             vitrail_class_name(model, (int32_t)i));
  free(labels);
  return status;
}

int main(int argc, char** argv) {
  vitrail_error error = VITRAIL_ERROR_INIT;
  vitrail_model* model = NULL;
  int status;
  if (argc != 4) {
    fprintf(stderr, "usage: segment MODEL.onnx PICTURE LABELS.png\n");
    return 2;
  }
  if (vitrail_open_file(argv[1], NULL, &model, &error) != VITRAIL_OK) return fail(&error);
  status = segment(model, argv[2], argv[3]);
  vitrail_close(model);
  return status;
}
