#include "sheet.h"

#include "fail.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 4, GAP = 8, WHITE = 255 };

/* One value of a picture at 8 bit. */
static int value_at(const diffedit_picture *picture, size_t index)
{
    const void *pixels = diffedit_picture_pixels(picture);
    return diffedit_picture_bits(picture) == 16 ? ((const uint16_t *)pixels)[index] >> 8
                                                : ((const uint8_t *)pixels)[index];
}

/* Draws a picture with its upper left corner at `corner`; what is transparent is seen over white.
 */
static void draw(uint8_t *corner, size_t stride, const diffedit_picture *picture)
{
    int width = diffedit_picture_width(picture), height = diffedit_picture_height(picture);
    int channels = diffedit_picture_channels(picture), colours = channels < 3 ? 1 : 3;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            size_t pixel = ((size_t)y * (size_t)width + (size_t)x) * (size_t)channels;
            int alpha = channels > colours ? value_at(picture, pixel + (size_t)colours) : WHITE;
            for (int c = 0; c < 3; c++) {
                int value = value_at(picture, pixel + (size_t)(colours == 3 ? c : 0));
                corner[(size_t)y * stride + (size_t)x * 3 + (size_t)c] =
                    (uint8_t)((value * alpha + WHITE * (WHITE - alpha) + WHITE / 2) / WHITE);
            }
        }
}

static diffedit_status write_panels(const diffedit_picture *const panels[PANELS], const char *path,
                                    diffedit_error *error)
{
    int width = diffedit_picture_width(panels[0]), height = diffedit_picture_height(panels[0]);
    int count = 0;
    for (int i = 0; i < PANELS; i++)
        count += panels[i] != NULL;
    int sheet_width = count * (width + GAP) - GAP;
    size_t stride = 3 * (size_t)sheet_width;
    uint8_t *pixels = malloc(stride * (size_t)height);
    if (!pixels)
        return cli_fail_memory(error);
    memset(pixels, WHITE, stride * (size_t)height);
    uint8_t *corner = pixels;
    for (int i = 0; i < PANELS; i++)
        if (panels[i]) {
            draw(corner, stride, panels[i]);
            corner += 3 * (size_t)(width + GAP);
        }
    diffedit_picture *sheet;
    diffedit_status status = diffedit_picture_new(&sheet, sheet_width, height, 3, 8, pixels, stride,
                                                  error);
    free(pixels);
    if (status == DIFFEDIT_OK) {
        status = diffedit_picture_save(sheet, path, NULL, error);
        diffedit_picture_free(sheet);
    }
    return status;
}

diffedit_status cli_sheet_write(diffedit_editor *editor, const diffedit_picture *input,
                                const diffedit_picture *result, const char *path,
                                diffedit_error *error)
{
    diffedit_picture *map = NULL, *mask = NULL;
    diffedit_status status = diffedit_editor_view(&map, editor, DIFFEDIT_VIEW_MAP, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_view(&mask, editor, DIFFEDIT_VIEW_MASK, error);
    if (status == DIFFEDIT_OK)
        status = write_panels((const diffedit_picture *const[PANELS]){input, map, mask, result},
                              path, error);
    diffedit_picture_free(map);
    diffedit_picture_free(mask);
    return status;
}
