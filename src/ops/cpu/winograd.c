#include "ops/cpu/winograd.h"

#include "ops/cpu/product.h"
#include "ops/cpu/threads.h"
#include "ops/cpu/window.h"

/* Tiles go through the three stages (input, products, output) in blocks. Many tiles in a block
 * share the cost of transforming the weights; few keep the two arrays between the stages small. 96
 * to 512 were equally fast, as long as the arrays fit a third level cache of 32 MB beside what else
 * there is: 1920 channels took a fifth longer in 64 MB, and 960 a tenth longer in 32 MB, than
 * in 24. */
enum { BLOCK_TILES = 192, BLOCK_BYTES = 24 * 1024 * 1024, TILE_GRAIN = 8 };

/* Transformed weights are eight times the size of f16 ones (SD 1.4's UNet: 8.7 GB), so none are
 * kept: a thread transforms those of some panels, some channels and two of the six rows of points
 * whenever it needs them, and uses them from its second level cache. That is 2 % of the time at 192
 * tiles, a tenth at 32, a third at 8; of int16, whose products take half as long, twice the share.
 * 960 KB are four panels of int16, what a tile of sums takes with AVX-512. The chunks decide in
 * which order floats are added, and so the bits of exact. */
enum {
    GROUP_BYTES = 768 * 1024,
    GROUP_BYTES_I16 = 960 * 1024,
    CHUNK_CHANNELS = 640,
    TASKS_PER_THREAD = 4
};

/* Where all transformed weights together are small (10 MB, a part of the third level cache), they
 * are made once, and a thread takes a few tiles through all three stages, some panels of products
 * at a time: what lies between the stages stays in its second level cache (448 KB of 512). From 128
 * to 256 channels that is an eighth faster; of more, too few tiles fit at a time. Of int16 both are
 * half as large: up to 512 to 256 channels, a quarter faster. More than these 10 MB were slower. */
enum { NEAR_WEIGHTS = 10 * 1024 * 1024, NEAR_BYTES = 448 * 1024, NEAR_PANELS = 8, NEAR_TILES = 6 };

enum { FLOAT_BYTES = 4, LINE_BYTES = 64 };

typedef struct stages {
    const de_winograd *winograd;
    de_tensor x, y;
    de_convolution_shape shape;
    de_epilogue epilogue;
    const float *biases; /* [n or 1, padded columns] */
    int64_t phases;      /* 1; 4 where x is seen enlarged: y's odd and even rows and columns */
    int64_t outputs;     /* of a tile in each direction and phase: 4, or 5 */
    int64_t tiles_down, tiles_across;
    int64_t all_tiles, block_tiles; /* of the layer; at most so many in a block */
    int64_t first_tile, tiles;      /* of this block */
    int64_t depth;                  /* padded to 16 */
    int64_t phase_columns, columns; /* padded to 16; of all phases */
    const float *scales;            /* NULL: products are of floats; else [36] of [columns] */
    de_kind kind;                   /* of the products' operands: f32, or int16 */
    int64_t value_bytes;            /* of such an operand */
    char *input; /* [36] of [tiles, depth], input_stride values apart; near: for each thread */
    float *row_scales; /* int16: [36] of [block_tiles]; near: for each thread */
    float *points;     /* int16: for each thread [36] of [depth], points_stride apart */
    float *products;   /* [36] of [tiles, columns], product_stride floats apart;
                        * near: for each thread, of [tiles, group_panels * 16] */
    int64_t input_stride, points_stride, product_stride;
    int64_t group_panels;  /* far: whose weights are transformed together; near: whose products are
                              there at once */
    int64_t chunk;         /* far: channels whose weights are transformed together */
    char *weights;         /* far: for each thread [12] of [group_panels, chunk, 16];
                            * near: [3, 12] of [panels, channels, 16]; of int16 as a gemm reads them
                            */
    int64_t point_stride;  /* from one of the 12 to the next, values */
    const void **pointers; /* for each thread [tiles] */
} stages;

/* `bytes` in the arena */
static void *take(de_arena *arena, int64_t bytes)
{
    return (void *)de_arena_take(arena, (size_t)bytes);
}

typedef struct tile_place {
    int64_t image, y, x; /* of its first output, in each phase */
} tile_place;

static tile_place place_of(const stages *job, int64_t tile)
{
    int64_t per_image = job->tiles_down * job->tiles_across, within = tile % per_image;
    return (tile_place){tile / per_image, within / job->tiles_across * job->outputs,
                        within % job->tiles_across * job->outputs};
}

/* The points of a tile become int16, each with a scale. */
static void quantise_points(const stages *job, int64_t tile, const float *points)
{
    const float *rows[DE_WINOGRAD_POINTS];
    float scales[DE_WINOGRAD_POINTS];
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++)
        rows[i] = points + i * job->points_stride;
    int16_t *out = (int16_t *)(void *)job->input + tile * job->depth;
    de_kernels_get()->quantise(&(de_i16_rows){rows, DE_WINOGRAD_POINTS, 1, 1, job->x.c}, out,
                               job->input_stride, scales);
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++)
        job->row_scales[i * job->block_tiles + tile] = scales[i];
}

/* the 6 x 6 pixels of a tile */
static void name_pixels(const stages *job, int64_t tile, const float **pixels)
{
    tile_place place = place_of(job, job->first_tile + tile);
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++)
        pixels[i] = de_window_pixel(&job->x, &job->shape, place.image, place.y + i / DE_WINOGRAD_IN,
                                    place.x + i % DE_WINOGRAD_IN, job->winograd->zeros);
}

static void input_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    const float *both[2][DE_WINOGRAD_POINTS];
    float *points = job->points + thread * DE_WINOGRAD_POINTS * job->points_stride;
    name_pixels(job, begin, both[begin % 2]);
    for (int64_t tile = begin; tile < end; tile++) {
        const float **pixels = both[tile % 2], **next = NULL;
        if (tile + 1 < end) {
            next = both[(tile + 1) % 2];
            name_pixels(job, tile + 1, next);
        }
        if (!job->scales) {
            float *out = (float *)(void *)job->input + tile * job->depth;
            de_kernels_get()->winograd_input(pixels, next, job->x.c, out, job->input_stride);
            continue;
        }
        de_kernels_get()->winograd_input(pixels, next, job->x.c, points, job->points_stride);
        quantise_points(job, tile, points);
    }
}

/* index of point `i` of a pair of rows among the 36 */
static int point_of(int pair, int i)
{
    static const int rows[DE_WINOGRAD_PAIRS][2] = {{0, 5}, {1, 2}, {3, 4}};
    return rows[pair][i / DE_WINOGRAD_IN] * DE_WINOGRAD_IN + i % DE_WINOGRAD_IN;
}

/* The weights of some channels of a panel, which is one of a phase's, at a pair of rows of points.
 */
static void transform_weights(const stages *job, int64_t panel, int64_t begin, int64_t count,
                              int pair, char *out)
{
    de_winograd_weights weights = de_winograd_weights_of(job->winograd->panels, job->phases, panel,
                                                         pair);
    weights.begin = begin;
    weights.count = count;
    if (job->scales) {
        weights.scales = job->scales + pair * DE_WINOGRAD_PAIR_POINTS * job->columns +
                         panel * DE_PANEL;
        weights.scale_stride = job->columns;
    }
    weights.out = out;
    weights.point_stride = job->point_stride;
    de_kernels_get()->winograd_weights(&weights);
}

/* Where outputs of a phase lie along a side of y: at begin, begin + step, ..., those from `first`
 * to `last` inside. */
typedef struct side_range {
    int64_t begin, step, first, last;
} side_range;

static side_range range_of(const stages *job, int64_t place, bool odd, int64_t size)
{
    if (job->phases == 1)
        return (side_range){place, 1, 0, de_min_i64(job->outputs, size - place)};
    int64_t begin = 2 * place - odd;
    return (side_range){begin, 2, begin < 0,
                        de_min_i64(job->outputs, de_divide_up(size - begin, 2))};
}

/* The columns of a tile from `column` on that are in the array; all are of one phase. */
static void output_columns(const stages *job, tile_place place, int64_t column, int64_t count,
                           const float *products)
{
    int64_t phase = column / job->phase_columns, channel = column % job->phase_columns;
    const de_tensor *y = &job->y;
    side_range down = range_of(job, place.y, phase / 2 == 0, y->h),
               across = range_of(job, place.x, phase % 2 == 0, y->w);
    de_kernels_get()->winograd_output(&(de_winograd_output){
        .products = products,
        .point_stride = job->product_stride,
        .channels = de_min_i64(count, y->c - channel),
        .outputs = (int)job->outputs,
        .top = (int)down.first,
        .height = (int)down.last,
        .left = (int)across.first,
        .width = (int)across.last,
        .bias = job->biases +
                (job->epilogue.image_bias.data.at ? place.image * job->phase_columns : 0) + channel,
        .activation = job->epilogue.activation,
        .residual = de_cpu_floats(job->epilogue.residual),
        .y = de_cpu_floats(*y),
        .first = ((place.image * y->h + down.begin) * y->w + across.begin) * y->c + channel,
        .row_stride = down.step * y->w * y->c,
        .column_stride = across.step * y->c,
    });
}

static void output_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    (void)thread;
    for (int64_t tile = begin; tile < end; tile++)
        for (int64_t column = 0; column < job->columns; column += job->phase_columns)
            output_columns(job, place_of(job, job->first_tile + tile), column, job->phase_columns,
                           job->products + tile * job->columns + column);
}

/* The arrays between the stages, once for all threads or `copies` times. */
static void allocate_arrays(de_context *context, stages *job, int64_t copies,
                            int64_t product_columns)
{
    de_arena *arena = &context->arena;
    /* A cache line more than the arrays: at a multiple of 4 KB the points would fight for the same
     * lines. */
    job->input_stride = job->block_tiles * job->depth + LINE_BYTES / job->value_bytes;
    job->product_stride = job->block_tiles * product_columns + DE_PANEL;
    job->input = take(arena, copies * DE_WINOGRAD_POINTS * job->input_stride * job->value_bytes);
    job->products = de_arena_floats(arena, copies * DE_WINOGRAD_POINTS * job->product_stride);
    job->pointers = take(arena, context->threads * job->block_tiles * (int64_t)sizeof(void *));
    if (!job->scales)
        return;
    job->row_scales = de_arena_floats(arena, copies * DE_WINOGRAD_POINTS * job->block_tiles);
    job->points_stride = job->depth + DE_PANEL;
    job->points = de_arena_floats(arena,
                                  context->threads * DE_WINOGRAD_POINTS * job->points_stride);
}

/* The product of the block's tiles at one point with the weights of some channels from `begin` on.
 * x [tiles] is filled. */
static de_gemm product_at(const stages *job, int point, int64_t begin, int64_t count,
                          const void **x)
{
    for (int64_t tile = 0; tile < job->tiles; tile++)
        x[tile] = job->input +
                  (point * job->input_stride + tile * job->depth + begin) * job->value_bytes;
    return (de_gemm){
        .rows = job->tiles,
        .taps = 1,
        .depth = count,
        .kind = job->kind,
        .x = x,
        .row_scales = job->scales ? job->row_scales + point * job->block_tiles : NULL,
    };
}

/* ---- near: few channels ---- */

/* A task is a panel at one pair of rows of points. */
static void weights_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    (void)thread;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / DE_WINOGRAD_PAIRS, pair = task % DE_WINOGRAD_PAIRS;
        int64_t at = pair * DE_WINOGRAD_PAIR_POINTS * job->point_stride +
                     panel * job->chunk * DE_PANEL;
        transform_weights(job, panel, 0, job->x.c, (int)pair, job->weights + at * job->value_bytes);
    }
}

/* products [36] of [tiles, count], the columns from `column` on */
static void multiply_columns(const stages *job, int64_t column, int64_t count, const void **x)
{
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++) {
        int point = point_of(i / DE_WINOGRAD_PAIR_POINTS, i % DE_WINOGRAD_PAIR_POINTS);
        de_gemm gemm = product_at(job, point, 0, job->x.c, x);
        gemm.columns = count;
        gemm.panels = job->weights +
                      (i * job->point_stride + column * job->chunk) * job->value_bytes;
        if (job->scales)
            gemm.column_scales = job->scales + i * job->columns + column;
        gemm.y = job->products + point * job->product_stride;
        gemm.y_stride = count;
        de_kernels_get()->gemm(&gemm);
    }
}

static void output_tiles(const stages *job, int64_t column, int64_t count)
{
    for (int64_t tile = 0; tile < job->tiles; tile++)
        output_columns(job, place_of(job, job->first_tile + tile), column, count,
                       job->products + tile * count);
}

static void all_stages(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *shared = user;
    stages job = *shared;
    job.input += thread * DE_WINOGRAD_POINTS * job.input_stride * job.value_bytes;
    job.products += thread * DE_WINOGRAD_POINTS * job.product_stride;
    if (job.scales)
        job.row_scales += thread * DE_WINOGRAD_POINTS * job.block_tiles;
    for (int64_t block = begin; block < end; block++) {
        job.first_tile = block * job.block_tiles;
        job.tiles = de_min_i64(job.block_tiles, job.all_tiles - job.first_tile);
        input_stage(&job, 0, job.tiles, thread);
        int64_t count;
        for (int64_t column = 0; column < job.columns; column += count) {
            count = de_min_i64(job.group_panels * DE_PANEL,
                               job.phase_columns - column % job.phase_columns);
            multiply_columns(&job, column, count, job.pointers + thread * job.block_tiles);
            output_tiles(&job, column, count);
        }
    }
}

static int64_t near_panels(const stages *job)
{
    return de_min_i64(NEAR_PANELS, job->phase_columns / DE_PANEL);
}

/* How many tiles fit. */
static int64_t near_tiles(const stages *job)
{
    return NEAR_BYTES / (DE_WINOGRAD_POINTS * (job->depth * job->value_bytes +
                                               near_panels(job) * DE_PANEL * FLOAT_BYTES));
}

static bool is_near(const stages *job)
{
    return DE_WINOGRAD_POINTS * job->x.c * job->columns * job->value_bytes <= NEAR_WEIGHTS &&
           near_tiles(job) >= NEAR_TILES;
}

/* What `channels` are in the transformed weights: int16 stand in pairs. */
static int64_t weights_depth(const stages *job, int64_t channels)
{
    return job->scales ? de_round_up(channels, 2) : channels;
}

static void run_near(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL;
    job->group_panels = near_panels(job);
    int64_t blocks = de_round_up(de_divide_up(job->all_tiles, near_tiles(job)), context->threads);
    job->block_tiles = de_divide_up(job->all_tiles, blocks);
    allocate_arrays(context, job, context->threads, job->group_panels * DE_PANEL);
    job->chunk = weights_depth(job, job->x.c);
    job->point_stride = job->chunk * job->columns + LINE_BYTES / job->value_bytes;
    job->weights = take(arena, DE_WINOGRAD_POINTS * job->point_stride * job->value_bytes);
    if (arena->measuring)
        return;
    de_parallel_for(threads, panels * DE_WINOGRAD_PAIRS, 1, weights_stage, job);
    de_parallel_for(threads, de_divide_up(job->all_tiles, job->block_tiles), 1, all_stages, job);
}

/* ---- far: many channels ---- */

/* Some panels and some channels of a task. */
typedef struct chunk_place {
    int64_t first_panel, last_panel, begin, count;
} chunk_place;

static void multiply_chunk(const stages *job, chunk_place place, int pair, char *weights,
                           const void **x)
{
    int64_t column = place.first_panel * DE_PANEL, panels = place.last_panel - place.first_panel;
    int64_t panel_values = weights_depth(job, place.count) * DE_PANEL;
    for (int64_t i = 0; i < panels; i++)
        transform_weights(job, place.first_panel + i, place.begin, place.count, pair,
                          weights + i * panel_values * job->value_bytes);
    for (int i = 0; i < DE_WINOGRAD_PAIR_POINTS; i++) {
        int point = point_of(pair, i);
        de_gemm gemm = product_at(job, point, place.begin, place.count, x);
        gemm.columns = panels * DE_PANEL;
        gemm.panels = weights + i * job->point_stride * job->value_bytes;
        if (job->scales)
            gemm.column_scales = job->scales + (pair * DE_WINOGRAD_PAIR_POINTS + i) * job->columns +
                                 column;
        gemm.y = job->products + point * job->product_stride + column;
        gemm.y_stride = job->columns;
        if (place.begin) /* added to those of the channels before */
            gemm.residual = gemm.y;
        de_kernels_get()->gemm(&gemm);
    }
}

/* A task is a group of panels at one pair of rows of points. */
static void product_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    int64_t c = job->x.c, panels = job->columns / DE_PANEL;
    char *weights = job->weights +
                    thread * DE_WINOGRAD_PAIR_POINTS * job->point_stride * job->value_bytes;
    const void **x = job->pointers + thread * job->block_tiles;
    for (int64_t task = begin; task < end; task++) {
        int64_t first = task / DE_WINOGRAD_PAIRS * job->group_panels;
        chunk_place place = {first, de_min_i64(first + job->group_panels, panels), 0, 0};
        for (; place.begin < c; place.begin += job->chunk) {
            place.count = de_min_i64(job->chunk, c - place.begin);
            multiply_chunk(job, place, (int)(task % DE_WINOGRAD_PAIRS), weights, x);
        }
    }
}

static void run_far(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL, c = job->x.c;
    int64_t most = BLOCK_BYTES / (DE_WINOGRAD_POINTS *
                                  (job->depth * job->value_bytes + job->columns * FLOAT_BYTES));
    job->block_tiles = de_max_i64(1, de_min_i64(BLOCK_TILES, most));
    job->block_tiles = de_divide_up(
        job->all_tiles, de_divide_up(job->all_tiles, job->block_tiles)); /* of equal size */
    allocate_arrays(context, job, 1, job->columns);
    job->chunk = weights_depth(job, de_divide_up(c, de_divide_up(c, CHUNK_CHANNELS)));
    int64_t group_bytes = job->scales ? GROUP_BYTES_I16 : GROUP_BYTES;
    int64_t panel_bytes = DE_WINOGRAD_PAIR_POINTS * job->chunk * DE_PANEL * job->value_bytes;
    int64_t group = de_max_i64(1, group_bytes / panel_bytes);
    int64_t groups = de_max_i64(
        de_divide_up(panels, group),
        de_min_i64(panels, (int64_t)context->threads * TASKS_PER_THREAD / DE_WINOGRAD_PAIRS));
    job->group_panels = de_divide_up(panels, groups);
    job->point_stride = job->group_panels * job->chunk * DE_PANEL + LINE_BYTES / job->value_bytes;
    job->weights = take(arena, context->threads * DE_WINOGRAD_PAIR_POINTS * job->point_stride *
                                   job->value_bytes);
    int64_t tasks = de_divide_up(panels, job->group_panels) * DE_WINOGRAD_PAIRS;
    for (int64_t first = 0; first < job->all_tiles && !arena->measuring;
         first += job->block_tiles) {
        job->first_tile = first;
        job->tiles = de_min_i64(job->block_tiles, job->all_tiles - first);
        de_parallel_for(threads, job->tiles, TILE_GRAIN, input_stage, job);
        de_parallel_for(threads, tasks, 1, product_stage, job);
        de_parallel_for(threads, job->tiles, TILE_GRAIN, output_stage, job);
    }
}

static int64_t outputs_of(int64_t phases)
{
    return phases == 1 ? 4 : 5;
}

/* Tiles of each phase: an enlarged side of size y is odd pixels -1, 1, .. and even ones 0, 2, .. */
static int64_t tiles_along(int64_t phases, int64_t size)
{
    return de_divide_up(phases == 1 ? size : size / 2 + 1, outputs_of(phases));
}

/* A picture that is shown twice as large can be worked on as it was, by four filters of 2 x 2. That
 * takes 36 products for 25 outputs in place of 16, and pays unless the tiles at the edges are
 * mostly empty. */
static bool splits(const stages *job)
{
    const de_convolution_shape *shape = &job->shape;
    bool doubled = shape->up_h == 2 * job->x.h && shape->up_w == 2 * job->x.w &&
                   shape->pad_top == 1 && shape->pad_left == 1 && shape->pad_bottom == 1 &&
                   shape->pad_right == 1;
    return job->winograd->doubles && doubled &&
           4 * tiles_along(4, job->y.h) * tiles_along(4, job->y.w) <
               tiles_along(1, job->y.h) * tiles_along(1, job->y.w);
}

void de_winograd_run(de_context *context, const de_winograd *winograd, de_tensor x,
                     de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    stages job = {.winograd = winograd,
                  .x = x,
                  .y = y,
                  .shape = shape,
                  .epilogue = epilogue,
                  .biases = winograd->bias,
                  .depth = de_round_up(x.c, DE_PANEL),
                  .phase_columns = de_round_up(y.c, DE_PANEL)};
    job.phases = splits(&job) ? 4 : 1;
    job.outputs = outputs_of(job.phases);
    if (job.phases > 1)
        job.shape.up_h = job.shape.up_w = 0;
    job.tiles_down = tiles_along(job.phases, y.h);
    job.tiles_across = tiles_along(job.phases, y.w);
    job.all_tiles = y.n * job.tiles_down * job.tiles_across;
    job.columns = job.phases * job.phase_columns;
    job.scales = winograd->scales;
    if (job.scales && job.phases > 1)
        job.scales += DE_WINOGRAD_POINTS * job.phase_columns;
    job.kind = job.scales ? DE_KIND_I16 : DE_KIND_F32;
    job.value_bytes = job.scales ? (int64_t)sizeof(int16_t) : FLOAT_BYTES;
    if (epilogue.image_bias.data.at)
        job.biases = de_product_biases(context, winograd->bias, epilogue.image_bias, y.n);
    int threads = de_threads_for(context, 2.0 * DE_WINOGRAD_POINTS *
                                              (double)(job.all_tiles * x.c * job.columns));
    if (is_near(&job))
        run_near(context, &job, threads);
    else
        run_far(context, &job, threads);
    de_arena_release(&context->arena, mark);
}
