/* de_convolution_push of gpu_product.h */
layout(push_constant, scalar) uniform Push
{
    Product product;
    uint h, w, c;    /* of x */
    uint out_w;      /* out_h is product.image_rows / out_w */
    uint size;       /* of the window */
    uint stride;
    uint up_h, up_w; /* that x is enlarged to; h, w: not at all */
    int pad_top, pad_left;
};
