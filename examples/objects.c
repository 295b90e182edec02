/* Finds objects in a picture from C: objects MODEL.onnx PICTURE
 *
 *   cc -std=c99 objects.c -lvitrail -o objects */
#include <stdio.h>
#include <vitrail.h>

static int fail(const vitrail_error* error) {
  fprintf(stderr, "objects: %s\n", error->text);
  return 1;
}

static int find(const vitrail_model* model, const char* picture) {
  vitrail_error error = VITRAIL_ERROR_INIT;
  vitrail_objects* objects = NULL;
  int64_t i;
  int status = 0;
  if (vitrail_find_objects_in_file(model, picture, &objects, &error) != VITRAIL_OK) return fail(&error);
  for (i = 0; status == 0 && i < vitrail_object_count(objects); ++i) {
    vitrail_object object = VITRAIL_OBJECT_INIT;
    if (vitrail_get_object(objects, i, &object, &error) != VITRAIL_OK)
      status = fail(&error);
    else
      printf("%s %.2f at %.0f,%.0f to %.0f,%.0f, %lld pixels\n",
             vitrail_class_name(model, object.class_index), object.score, object.x1, object.y1, object.x2,
             object.y2, (long long)object.pixels);
  }
  vitrail_free_objects(objects);
  return status;
}

int main(int argc, char** argv) {
  vitrail_error error = VITRAIL_ERROR_INIT;
  vitrail_options options = VITRAIL_OPTIONS_INIT;
  vitrail_model* model = NULL;
  int status;
  if (argc != 3) {
    fprintf(stderr, "usage: objects MODEL.onnx PICTURE\n");
    return 2;
  }
  options.least_score = 0.5;
  if (vitrail_open_file(argv[1], &options, &model, &error) != VITRAIL_OK) return fail(&error);
  status = find(model, argv[2]);
  vitrail_close(model);
  return status;
}
