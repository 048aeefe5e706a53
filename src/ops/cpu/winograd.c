#include "ops/cpu/winograd.h"

#include "ops/cpu/cpu.h"
#include "ops/cpu/product.h"
#include "ops/cpu/threads.h"
#include "ops/cpu/window.h"

/* Tiles go through the three stages (input, products, output) in blocks. Many tiles in a block
 * share the cost of transforming the weights; few keep the two arrays between the stages small. 96
 * to 512 were equally fast, as long as the arrays fit a third level cache of 32 MB beside what else
 * there is: 1920 channels took a fifth longer in 64 MB, and 960 a tenth longer in 32 MB, than
 * in 24. */
enum { BLOCK_TILES = 192, BLOCK_FLOATS = 6 * 1024 * 1024, TILE_GRAIN = 8 };

/* Transformed weights are eight times the size of f16 ones (SD 1.4's UNet: 8.7 GB), so none are
 * kept: a thread transforms those of some panels, some channels and two of the six rows of points
 * whenever it needs them, and uses them from its second level cache. That is 2 % of the time at 192
 * tiles, a tenth at 32, a third at 8. */
enum {
    GROUP_FLOATS = 192 * 1024,
    CHUNK_CHANNELS = 640,
    TASKS_PER_THREAD = 4,
    PAIRS = 3,
    PAIR_POINTS = 12
};

/* Where all transformed weights together are small (10 MB, a part of the third level cache), they
 * are made once, and a thread takes a few tiles through all three stages, some panels of products
 * at a time: what lies between the stages stays in its second level cache (448 KB of 512). From 128
 * to 256 channels that is an eighth faster; of more, too few tiles fit at a time. */
enum { NEAR_WEIGHTS = 2560 * 1024, NEAR_FLOATS = 112 * 1024, NEAR_PANELS = 8, NEAR_TILES = 6 };

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
    float *input;    /* [36] of [tiles, depth], input_stride floats apart; near: for each thread */
    float *products; /* [36] of [tiles, columns], product_stride floats apart;
                      * near: for each thread, of [tiles, group_panels * 16] */
    int64_t input_stride, product_stride;
    int64_t group_panels;   /* far: whose weights are transformed together; near: whose products are
                               there at once */
    int64_t chunk;          /* far: channels whose weights are transformed together */
    float *weights;         /* far: for each thread [group_panels, 12] of [chunk, 16];
                             * near: [3, 12] of [panels, channels, 16] */
    int64_t point_stride;   /* from one of the 12 to the next */
    const float **pointers; /* for each thread [tiles] */
} stages;

typedef struct tile_place {
    int64_t image, y, x; /* of its first output, in each phase */
} tile_place;

static tile_place place_of(const stages *job, int64_t tile)
{
    int64_t per_image = job->tiles_down * job->tiles_across, within = tile % per_image;
    return (tile_place){tile / per_image, within / job->tiles_across * job->outputs,
                        within % job->tiles_across * job->outputs};
}

static void input_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    const float *pixels[DE_WINOGRAD_POINTS];
    (void)thread;
    for (int64_t tile = begin; tile < end; tile++) {
        tile_place place = place_of(job, job->first_tile + tile);
        for (int i = 0; i < DE_WINOGRAD_POINTS; i++)
            pixels[i] = de_window_pixel(&job->x, &job->shape, place.image,
                                        place.y + i / DE_WINOGRAD_IN, place.x + i % DE_WINOGRAD_IN,
                                        job->winograd->zeros);
        de_kernels_get()->winograd_input(pixels, job->x.c, job->input + tile * job->depth,
                                         job->input_stride);
    }
}

/* The weights of some channels of a panel, which is one of a phase's, at a pair of rows of points.
 */
static void transform_weights(const stages *job, int64_t panel, int64_t begin, int64_t count,
                              int pair, float *out)
{
    static const de_taps odd_even[2] = {DE_TAPS_ODD, DE_TAPS_EVEN};
    const de_panels *panels = job->winograd->panels;
    int64_t phase = panel / (job->phase_columns / DE_PANEL),
            within = panel % (job->phase_columns / DE_PANEL);
    de_kernels_get()->winograd_weights(&(de_winograd_weights){
        .panel = de_panels_at(panels, within),
        .kind = panels->kind,
        .channels = panels->depth,
        .begin = begin,
        .count = count,
        .pair = pair,
        .rows = job->phases == 1 ? DE_TAPS_ALL : odd_even[phase / 2],
        .columns = job->phases == 1 ? DE_TAPS_ALL : odd_even[phase % 2],
        .out = out,
        .point_stride = job->point_stride,
    });
}

/* index of point `i` of a pair of rows among the 36 */
static int point_of(int pair, int i)
{
    static const int rows[PAIRS][2] = {{0, 5}, {1, 2}, {3, 4}};
    return rows[pair][i / DE_WINOGRAD_IN] * DE_WINOGRAD_IN + i % DE_WINOGRAD_IN;
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
    /* A cache line more than the arrays: at a multiple of 4 KB the points would fight for the same
     * lines. */
    job->input_stride = job->block_tiles * job->depth + DE_PANEL;
    job->product_stride = job->block_tiles * product_columns + DE_PANEL;
    job->input = de_arena_floats(&context->arena, copies * DE_WINOGRAD_POINTS * job->input_stride);
    job->products = de_arena_floats(&context->arena,
                                    copies * DE_WINOGRAD_POINTS * job->product_stride);
    job->pointers = de_product_pointers(context, context->threads * job->block_tiles);
}

/* the block's tiles at one point, from channel `begin` on: x [tiles] */
static void name_tiles(const stages *job, int point, int64_t begin, const float **x)
{
    for (int64_t tile = 0; tile < job->tiles; tile++)
        x[tile] = job->input + point * job->input_stride + tile * job->depth + begin;
}

/* ---- near: few channels ---- */

/* A task is a panel at one pair of rows of points. */
static void weights_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    int64_t c = job->x.c;
    (void)thread;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / PAIRS, pair = task % PAIRS;
        transform_weights(job, panel, 0, c, (int)pair,
                          job->weights + pair * PAIR_POINTS * job->point_stride +
                              panel * c * DE_PANEL);
    }
}

/* products [36] of [tiles, count], the columns from `column` on */
static void multiply_columns(const stages *job, int64_t column, int64_t count, const float **x)
{
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++) {
        int point = point_of(i / PAIR_POINTS, i % PAIR_POINTS);
        name_tiles(job, point, 0, x);
        de_kernels_get()->gemm(
            &(de_gemm){.rows = job->tiles,
                       .taps = 1,
                       .depth = job->x.c,
                       .columns = count,
                       .x = (const void *const *)x,
                       .panels = job->weights + i * job->point_stride + column * job->x.c,
                       .y = job->products + point * job->product_stride,
                       .y_stride = count});
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
    job.input += thread * DE_WINOGRAD_POINTS * job.input_stride;
    job.products += thread * DE_WINOGRAD_POINTS * job.product_stride;
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
    return NEAR_FLOATS / (DE_WINOGRAD_POINTS * (job->depth + near_panels(job) * DE_PANEL));
}

static bool is_near(const stages *job)
{
    return DE_WINOGRAD_POINTS * job->x.c * job->columns <= NEAR_WEIGHTS &&
           near_tiles(job) >= NEAR_TILES;
}

static void run_near(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL;
    job->group_panels = near_panels(job);
    int64_t blocks = de_round_up(de_divide_up(job->all_tiles, near_tiles(job)), context->threads);
    job->block_tiles = de_divide_up(job->all_tiles, blocks);
    allocate_arrays(context, job, context->threads, job->group_panels * DE_PANEL);
    job->point_stride = job->x.c * job->columns + DE_PANEL;
    job->weights = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->point_stride);
    if (arena->measuring)
        return;
    de_parallel_for(threads, panels * PAIRS, 1, weights_stage, job);
    de_parallel_for(threads, de_divide_up(job->all_tiles, job->block_tiles), 1, all_stages, job);
}

/* ---- far: many channels ---- */

/* Some panels and some channels of a task. */
typedef struct chunk_place {
    int64_t first_panel, last_panel, begin, count;
} chunk_place;

/* products [tiles, panels] at one point, of the chunk's channels, added to those of the channels
 * before */
static void multiply_point(const stages *job, chunk_place place, int point, const float *weights,
                           const float **x)
{
    name_tiles(job, point, place.begin, x);
    for (int64_t panel = place.first_panel; panel < place.last_panel; panel++) {
        float *y = job->products + point * job->product_stride + panel * DE_PANEL;
        de_gemm gemm = {
            .rows = job->tiles,
            .taps = 1,
            .depth = place.count,
            .columns = DE_PANEL,
            .x = (const void *const *)x,
            .panels = weights + (panel - place.first_panel) * PAIR_POINTS * job->point_stride,
            .residual = place.begin ? y : NULL,
            .y = y,
            .y_stride = job->columns,
        };
        de_kernels_get()->gemm(&gemm);
    }
}

static void multiply_chunk(const stages *job, chunk_place place, int pair, float *weights,
                           const float **x)
{
    for (int64_t panel = place.first_panel; panel < place.last_panel; panel++)
        transform_weights(job, panel, place.begin, place.count, pair,
                          weights + (panel - place.first_panel) * PAIR_POINTS * job->point_stride);
    for (int i = 0; i < PAIR_POINTS; i++)
        multiply_point(job, place, point_of(pair, i), weights + i * job->point_stride, x);
}

/* A task is a group of panels at one pair of rows of points. */
static void product_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    int64_t c = job->x.c, panels = job->columns / DE_PANEL;
    float *weights = job->weights + thread * job->group_panels * PAIR_POINTS * job->point_stride;
    const float **x = job->pointers + thread * job->block_tiles;
    for (int64_t task = begin; task < end; task++) {
        int64_t first = task / PAIRS * job->group_panels;
        chunk_place place = {first, de_min_i64(first + job->group_panels, panels), 0, 0};
        for (; place.begin < c; place.begin += job->chunk) {
            place.count = de_min_i64(job->chunk, c - place.begin);
            multiply_chunk(job, place, (int)(task % PAIRS), weights, x);
        }
    }
}

static void run_far(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL, c = job->x.c;
    int64_t most = BLOCK_FLOATS / (DE_WINOGRAD_POINTS * (job->depth + job->columns));
    job->block_tiles = de_max_i64(1, de_min_i64(BLOCK_TILES, most));
    job->block_tiles = de_divide_up(
        job->all_tiles, de_divide_up(job->all_tiles, job->block_tiles)); /* of equal size */
    allocate_arrays(context, job, 1, job->columns);
    job->chunk = de_divide_up(c, de_divide_up(c, CHUNK_CHANNELS));
    job->point_stride = job->chunk * DE_PANEL + DE_PANEL;
    int64_t group = de_max_i64(1, GROUP_FLOATS / (PAIR_POINTS * job->chunk * DE_PANEL));
    int64_t groups = de_max_i64(
        de_divide_up(panels, group),
        de_min_i64(panels, (int64_t)context->threads * TASKS_PER_THREAD / PAIRS));
    job->group_panels = de_divide_up(panels, groups);
    job->weights = de_arena_floats(arena, context->threads * job->group_panels * PAIR_POINTS *
                                              job->point_stride);
    int64_t tasks = de_divide_up(panels, job->group_panels) * PAIRS;
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
    return doubled && 4 * tiles_along(4, job->y.h) * tiles_along(4, job->y.w) <
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
