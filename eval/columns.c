#include "columns.h"

#include <string.h>

const column column_table[COLUMNS] = {
    {"seconds", "Seconds", COLUMN_OF_RUN, COLUMN_NUMBER, 2, false, 0, NULL},
    {"evaluations", "Evaluations", COLUMN_OF_RUN, COLUMN_NUMBER, 1, false, 0, NULL},
    {"found_share", "Found mask, of the picture", COLUMN_OF_FOUND, COLUMN_SHARE, 1, false, 0, NULL},
    {"true_share", "True mask, of the picture", COLUMN_OF_TRUE, COLUMN_SHARE, 1, false, 0, NULL},
    {"iou", "Overlap (IoU)", COLUMN_OF_TRUE, COLUMN_NUMBER, 3, true, 0, NULL},
    {"kept", "Kept", COLUMN_OF_WHOLE, COLUMN_SHARE, 2, false, COLUMN_WHOLE, metrics_kept},
    {"mse", "MSE", COLUMN_OF_WHOLE, COLUMN_NUMBER, 1, false, COLUMN_WHOLE, metrics_mse},
    {"psnr", "PSNR, dB", COLUMN_OF_WHOLE, COLUMN_DECIBELS, 1, true, COLUMN_WHOLE, metrics_psnr},
    {"ssim", "SSIM", COLUMN_OF_WHOLE, COLUMN_NUMBER, 3, true, COLUMN_WHOLE, metrics_ssim},
    {"found_kept_outside", "Kept outside found mask", COLUMN_OF_FOUND, COLUMN_SHARE, 2, true,
     COLUMN_FOUND_OUTSIDE, metrics_kept},
    {"found_equal_outside", "All kept outside found mask", COLUMN_OF_FOUND, COLUMN_SHARE, 1, false,
     COLUMN_FOUND_OUTSIDE, metrics_equal},
    {"found_mse_outside", "MSE outside found mask", COLUMN_OF_FOUND, COLUMN_NUMBER, 2, false,
     COLUMN_FOUND_OUTSIDE, metrics_mse},
    {"found_psnr_outside", "PSNR outside found mask, dB", COLUMN_OF_FOUND, COLUMN_DECIBELS, 1, true,
     COLUMN_FOUND_OUTSIDE, metrics_psnr},
    {"found_ssim_outside", "SSIM outside found mask", COLUMN_OF_FOUND, COLUMN_NUMBER, 3, true,
     COLUMN_FOUND_OUTSIDE, metrics_ssim},
    {"found_mse_inside", "MSE inside found mask", COLUMN_OF_FOUND, COLUMN_NUMBER, 1, false,
     COLUMN_FOUND_INSIDE, metrics_mse},
    {"found_psnr_inside", "PSNR inside found mask, dB", COLUMN_OF_FOUND, COLUMN_DECIBELS, 1, false,
     COLUMN_FOUND_INSIDE, metrics_psnr},
    {"found_ssim_inside", "SSIM inside found mask", COLUMN_OF_FOUND, COLUMN_NUMBER, 3, false,
     COLUMN_FOUND_INSIDE, metrics_ssim},
    {"true_kept_outside", "Kept outside true mask", COLUMN_OF_TRUE, COLUMN_SHARE, 2, true,
     COLUMN_TRUE_OUTSIDE, metrics_kept},
    {"true_equal_outside", "All kept outside true mask", COLUMN_OF_TRUE, COLUMN_SHARE, 1, false,
     COLUMN_TRUE_OUTSIDE, metrics_equal},
    {"true_mse_outside", "MSE outside true mask", COLUMN_OF_TRUE, COLUMN_NUMBER, 2, false,
     COLUMN_TRUE_OUTSIDE, metrics_mse},
    {"true_psnr_outside", "PSNR outside true mask, dB", COLUMN_OF_TRUE, COLUMN_DECIBELS, 1, true,
     COLUMN_TRUE_OUTSIDE, metrics_psnr},
    {"true_ssim_outside", "SSIM outside true mask", COLUMN_OF_TRUE, COLUMN_NUMBER, 3, true,
     COLUMN_TRUE_OUTSIDE, metrics_ssim},
    {"true_mse_inside", "MSE inside true mask", COLUMN_OF_TRUE, COLUMN_NUMBER, 1, false,
     COLUMN_TRUE_INSIDE, metrics_mse},
    {"true_psnr_inside", "PSNR inside true mask, dB", COLUMN_OF_TRUE, COLUMN_DECIBELS, 1, false,
     COLUMN_TRUE_INSIDE, metrics_psnr},
    {"true_ssim_inside", "SSIM inside true mask", COLUMN_OF_TRUE, COLUMN_NUMBER, 3, false,
     COLUMN_TRUE_INSIDE, metrics_ssim},
    {"both_kept_outside", "Kept outside both masks", COLUMN_OF_BOTH, COLUMN_SHARE, 2, false,
     COLUMN_BOTH_OUTSIDE, metrics_kept},
    {"both_equal_outside", "All kept outside both masks", COLUMN_OF_BOTH, COLUMN_SHARE, 1, false,
     COLUMN_BOTH_OUTSIDE, metrics_equal},
    {"both_mse_outside", "MSE outside both masks", COLUMN_OF_BOTH, COLUMN_NUMBER, 2, false,
     COLUMN_BOTH_OUTSIDE, metrics_mse},
    {"both_psnr_outside", "PSNR outside both masks, dB", COLUMN_OF_BOTH, COLUMN_DECIBELS, 1, false,
     COLUMN_BOTH_OUTSIDE, metrics_psnr},
    {"both_ssim_outside", "SSIM outside both masks", COLUMN_OF_BOTH, COLUMN_NUMBER, 3, false,
     COLUMN_BOTH_OUTSIDE, metrics_ssim},
};

const char *column_group_name(column_group group)
{
    static const char *const names[COLUMN_GROUPS] = {
        "the run", "whole picture", "found mask", "true mask", "both masks", "columns of a file"};
    return names[group];
}

int column_find(const char *name)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(column_table[i].name, name) == 0)
            return i;
    return -1;
}
