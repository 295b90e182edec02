/* Vitrail from C and from everything that can call C: open a model, label every pixel of a picture, or find
 * its objects.
 *
 *   vitrail_error error = VITRAIL_ERROR_INIT;
 *   vitrail_model* model = NULL;
 *   if (vitrail_open_file("street.onnx", NULL, &model, &error) != VITRAIL_OK) {
 *     fprintf(stderr, "%s\n", error.text);
 *     return 1;
 *   }
 *   vitrail_image image = VITRAIL_IMAGE_INIT;
 *   image.pixels = pixels;                        // height rows of width R, G, B triples
 *   image.height = height;
 *   image.width = width;
 *   uint8_t* labels = malloc((size_t)(height * width));
 *   vitrail_segment(model, &image, labels, width, NULL, &error);   // a class index per pixel
 *   vitrail_close(model);
 *
 * Conventions. Every function that can fail returns a status and, where `error` is not NULL, says there what
 * was wrong, where, and what to do about it; nothing is printed, and no C++ exception comes through. A struct
 * begins with its size, as the caller was compiled with: set it by its _INIT value. Fields that a later
 * version adds have a meaning of "as before" when zero. Sizes are in pixels, strides in elements of the
 * buffer they belong to. Text is UTF-8.
 *
 * A model serves many threads at once; only vitrail_close must be the last call on it. Link with -lvitrail.
 */
#ifndef VITRAIL_H
#define VITRAIL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C lets an enum hold any number, and what a caller puts there is checked; C++ has to be told of it. */
#ifdef __cplusplus
#define VITRAIL_ANY_NUMBER : int32_t
#else
#define VITRAIL_ANY_NUMBER
#endif

/* Raised when a function is added; functions are never changed or taken away while it grows. */
#define VITRAIL_API_VERSION 2
int32_t vitrail_api_version(void);      /* of the library that is loaded */
const char* vitrail_version_text(void); /* "0.1.0" */

typedef enum vitrail_status VITRAIL_ANY_NUMBER {
  VITRAIL_OK = 0,
  VITRAIL_USAGE = 1,       /* a wrong argument: NULL, a size that does not fit, an unknown value */
  VITRAIL_FILE = 2,        /* a file is missing, unreadable or could not be written */
  VITRAIL_FORMAT = 3,      /* bytes are not what their format demands: truncated, corrupt */
  VITRAIL_SHAPE = 4,       /* sizes or channels that do not fit the model */
  VITRAIL_UNSUPPORTED = 5, /* well-formed, but not something this build can do */
  VITRAIL_LIMIT = 6,       /* larger than the stated bound */
  VITRAIL_NUMERIC = 7,     /* an impossible number */
  VITRAIL_MEMORY = 8,      /* out of memory */
  VITRAIL_INTERNAL = 9     /* a fault of Vitrail's own */
} vitrail_status;

const char* vitrail_status_name(vitrail_status status); /* "usage"; "unknown" for another number */

/* What went wrong. The caller owns it; use one per thread. After a success it holds VITRAIL_OK and "". */
typedef struct vitrail_error {
  size_t size; /* of this struct */
  vitrail_status status;
  char text[2048]; /* one line, cut where it is longer */
} vitrail_error;
#define VITRAIL_ERROR_INIT \
  { sizeof(vitrail_error), VITRAIL_OK, "" }

typedef enum vitrail_order VITRAIL_ANY_NUMBER {
  VITRAIL_RGB = 0, /* 3 bytes per pixel */
  VITRAIL_BGR = 1, /* 3 bytes, as OpenCV keeps them */
  VITRAIL_GREY = 2,
  VITRAIL_RGBA = 3, /* 4 bytes; alpha is ignored */
  VITRAIL_BGRA = 4
} vitrail_order;

/* How a model is to be run; NULL stands for all zero. */
typedef struct vitrail_options {
  size_t size;
  int32_t threads;      /* of one call; 0 = all cores */
  int32_t input_height; /* pictures are resized to this for a network that takes any size, and labels back; 0
                           = not */
  int32_t input_width;
  int64_t memory_bytes; /* a picture that needs more is cut into tiles; 0 = 2 GiB */
  int32_t tile;         /* side of tiles in pixels for larger pictures; 0 = only where memory demands it */
  int32_t overlap;      /* pixels that neighbouring tiles share; 0 = 64 */
  /* What a file from elsewhere does not say; NULL or 0 where the file says it. */
  const char* classes; /* names by index, separated by commas */
  const double* mean;  /* on the 0..255 scale, one per channel of the network */
  const double* std;   /* the same number of them */
  int32_t channels;    /* how many `mean` and `std` hold: 3, or 1 for a grey network */
  int32_t bgr;         /* not 0: the network takes B, G, R, and `mean` and `std` are in that order */
  int32_t bf16; /* not 0: products in bf16 where the processor has it; up to twice as fast, nearly the same
                   labels */
  /* Of a model that finds objects (version 2). */
  double least_score;   /* 0..1: objects that are surer than this */
  int32_t most_objects; /* the best of a picture; 0 = as the model says */
  int32_t boxes_alone;  /* not 0: no masks, which takes less time */
} vitrail_options;
#define VITRAIL_OPTIONS_INIT \
  { sizeof(vitrail_options), 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0 }

typedef struct vitrail_model vitrail_model;

/* Opens a model file: .onnx, or .safetensors from Vitrail's training. `*model` is NULL after a failure. */
vitrail_status vitrail_open_file(const char* path, const vitrail_options* options, vitrail_model** model,
                                 vitrail_error* error);
/* The same for the bytes of an .onnx file in memory, which are not needed afterwards. */
vitrail_status vitrail_open_bytes(const void* bytes, size_t size, const vitrail_options* options,
                                  vitrail_model** model, vitrail_error* error);
void vitrail_close(vitrail_model* model); /* NULL is allowed */

/* What a model does: it labels pixels (vitrail_segment) or finds objects (vitrail_find_objects). Version 2.
 */
typedef enum vitrail_task VITRAIL_ANY_NUMBER { VITRAIL_SEMANTIC = 0, VITRAIL_INSTANCE = 1 } vitrail_task;
vitrail_task vitrail_model_task(const vitrail_model* model);

/* Classes, by index 0 .. count - 1. The name lives as long as the model; NULL for an index that is not there.
 */
int32_t vitrail_class_count(const vitrail_model* model);
const char* vitrail_class_name(const vitrail_model* model, int32_t index);
/* Writes R, G, B. */
vitrail_status vitrail_class_color(const vitrail_model* model, int32_t index, uint8_t rgb[3],
                                   vitrail_error* error);

/* What happens to a picture before the network: (pixel - mean) / std, on the 0..255 scale. All of it is done
 * here; it is told for those who compare. */
typedef struct vitrail_input_policy {
  size_t size;
  int32_t height, width;  /* the one size that the network sees, or 0: any */
  int32_t multiple;       /* other sizes are padded to a multiple of this, and the labels cut back */
  int32_t channels;       /* 3, or 1: grey; more: depth, infrared, which only the C++ library can give it */
  vitrail_order order;    /* VITRAIL_RGB, VITRAIL_BGR or VITRAIL_GREY */
  double mean[3], std[3]; /* of the first three channels */
} vitrail_input_policy;
#define VITRAIL_INPUT_POLICY_INIT                                       \
  {                                                                     \
    sizeof(vitrail_input_policy), 0, 0, 0, 0, VITRAIL_RGB, {0, 0, 0}, { \
      0, 0, 0                                                           \
    }                                                                   \
  }
vitrail_status vitrail_get_input_policy(const vitrail_model* model, vitrail_input_policy* policy,
                                        vitrail_error* error);

/* 8-bit pixels, rows from the top. */
typedef struct vitrail_image {
  size_t size;
  const uint8_t* pixels;
  int64_t height, width;
  int64_t stride; /* bytes from one row to the next; 0 = rows without a gap */
  vitrail_order order;
} vitrail_image;
#define VITRAIL_IMAGE_INIT \
  { sizeof(vitrail_image), NULL, 0, 0, 0, VITRAIL_RGB }

/* Writes the class index of every pixel: row y, column x to labels[y * label_stride + x]; label_stride 0 =
 * the image's width. Where `probabilities` is not NULL, writes the class probabilities there too, as planes
 * [class][height][width] without gaps, and takes the labels from them (a tie within rounding may then fall
 * otherwise). */
vitrail_status vitrail_segment(const vitrail_model* model, const vitrail_image* image, uint8_t* labels,
                               int64_t label_stride, float* probabilities, vitrail_error* error);

/* The size of a picture file as it is shown (turned as it asks for), from its header: what the labels will
 * have. */
vitrail_status vitrail_picture_size(const char* path, int64_t* height, int64_t* width, vitrail_error* error);
/* The same as vitrail_segment for a picture file (JPEG, PNG, TIFF, WebP, BMP, PNM). `height` and `width` are
 * those of `labels` and must be the picture's. Faster than decoding it first where the network sees a smaller
 * size. */
vitrail_status vitrail_segment_file(const vitrail_model* model, const char* path, uint8_t* labels,
                                    int64_t height, int64_t width, int64_t label_stride,
                                    vitrail_error* error);

/* Writes labels as an indexed PNG in the classes' colours. */
vitrail_status vitrail_write_labels(const vitrail_model* model, const char* path, const uint8_t* labels,
                                    int64_t height, int64_t width, int64_t label_stride,
                                    vitrail_error* error);

/* The objects that a picture shows, best first. They live until vitrail_free_objects, the model may be closed
 * before. Version 2.
 *
 *   vitrail_objects* objects = NULL;
 *   if (vitrail_find_objects_in_file(model, "street.jpg", &objects, &error) != VITRAIL_OK) ...
 *   for (int64_t i = 0; i < vitrail_object_count(objects); ++i) {
 *     vitrail_object object = VITRAIL_OBJECT_INIT;
 *     vitrail_get_object(objects, i, &object, &error);
 *     printf("%s %.2f\n", vitrail_class_name(model, object.class_index), object.score);
 *   }
 *   vitrail_free_objects(objects);
 */
typedef struct vitrail_objects vitrail_objects;
vitrail_status vitrail_find_objects(const vitrail_model* model, const vitrail_image* image,
                                    vitrail_objects** objects, vitrail_error* error);
/* In a picture file; vitrail_picture_size tells the size of what masks are written to. */
vitrail_status vitrail_find_objects_in_file(const vitrail_model* model, const char* path,
                                            vitrail_objects** objects, vitrail_error* error);
void vitrail_free_objects(vitrail_objects* objects); /* NULL is allowed */
int64_t vitrail_object_count(const vitrail_objects* objects);

typedef struct vitrail_object {
  size_t size;
  int32_t class_index;
  float score;          /* 0..1 */
  float x1, y1, x2, y2; /* its box in pixels of the picture: [x1, x2) x [y1, y2) */
  int64_t pixels;       /* of its mask; -1 where it has none */
} vitrail_object;
#define VITRAIL_OBJECT_INIT \
  { sizeof(vitrail_object), 0, 0, 0, 0, 0, 0, 0 }
vitrail_status vitrail_get_object(const vitrail_objects* objects, int64_t index, vitrail_object* object,
                                  vitrail_error* error);

/* Writes 1 for each pixel of the object and 0 for all others: row y, column x of the picture to
 * mask[y * mask_stride + x]; mask_stride 0 = the picture's width. */
vitrail_status vitrail_object_mask(const vitrail_objects* objects, int64_t index, uint8_t* mask,
                                   int64_t mask_stride, vitrail_error* error);
/* Writes for each pixel the number of its object, counted from 1, the surest where they overlap; 0 for none.
 */
vitrail_status vitrail_object_numbers(const vitrail_objects* objects, uint16_t* numbers, int64_t stride,
                                      vitrail_error* error);

#ifdef __cplusplus
}
#endif
#endif
