/* Two editors on one model, each in a thread of its own, make what each makes alone. */
#include <diffedit/diffedit.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 40, HEIGHT = 24, PIXELS = WIDTH * HEIGHT * 3, ROUNDS = 2, EDITORS = 2 };

/* One thread's work: the same edits by a new editor each time, so that nothing is remembered. */
typedef struct task {
    const diffedit_model *model;
    const diffedit_picture *picture;
    const char *to;
    int threads;
    pthread_barrier_t *start;
    unsigned char results[ROUNDS][PIXELS];
    diffedit_error error; /* cmocka's assertions are for the first thread only */
} task;

static diffedit_status edit(task *mine, int round)
{
    diffedit_options options;
    diffedit_editor *editor = NULL;
    diffedit_picture *result = NULL;
    diffedit_status status = diffedit_options_init(&options, sizeof options, "paper", NULL,
                                                   &mine->error);
    options.from = "a red apple";
    options.to = mine->to;
    options.steps = 3;
    options.mask_samples = 1;
    options.seed = (uint64_t)round;
    options.width = WIDTH;
    options.height = HEIGHT;
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_new(&editor, mine->model, mine->picture, &mine->error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_set_threads(editor, mine->threads);
    status = diffedit_edit(&result, editor, &options, &mine->error);
    if (status == DIFFEDIT_OK)
        memcpy(mine->results[round], diffedit_picture_pixels(result), PIXELS);
    diffedit_picture_free(result);
    diffedit_editor_free(editor);
    return status;
}

static void *run(void *user)
{
    task *mine = user;
    char warning[256];
    if (mine->start)
        pthread_barrier_wait(mine->start);
    for (int round = 0; round < ROUNDS && mine->error.code == DIFFEDIT_OK; round++) {
        edit(mine, round);
        diffedit_model_get_warning(warning, sizeof warning, mine->model);
    }
    return NULL;
}

static diffedit_picture *new_picture(void)
{
    static unsigned char pixels[HEIGHT][WIDTH][3];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = (x - 16) * (x - 16) + (y - 12) * (y - 12) < 80;
            pixels[y][x][0] = (unsigned char)(inside ? 220 : 90 + y);
            pixels[y][x][1] = (unsigned char)(inside ? 40 + x : 150);
            pixels[y][x][2] = (unsigned char)(inside ? 30 : 200 - y);
        }
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, WIDTH, HEIGHT, 3, 8, pixels, WIDTH * 3, NULL),
                     0);
    return picture;
}

static void assert_same_beside_another(uint32_t flags)
{
    static const char *const texts[EDITORS] = {"a lemon", "a tomato on a plate"};
    const diffedit_model_settings settings = {.struct_size = sizeof settings, .flags = flags};
    diffedit_model *model;
    diffedit_picture *picture = new_picture();
    pthread_barrier_t start;
    pthread_t threads[EDITORS];
    task *alone = calloc(EDITORS, sizeof *alone), *together = calloc(EDITORS, sizeof *together);
    assert_true(alone && together);
    assert_int_equal(diffedit_model_open(&model, POCKET, &settings, NULL), 0);
    assert_int_equal(pthread_barrier_init(&start, NULL, EDITORS), 0);
    for (int i = 0; i < EDITORS; i++) {
        alone[i] = (task){.model = model, .picture = picture, .to = texts[i], .threads = 1};
        together[i] = alone[i];
        together[i].threads = 2;
        together[i].start = &start;
        run(&alone[i]);
        assert_string_equal(alone[i].error.message, "");
    }
    for (int i = 0; i < EDITORS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &together[i]), 0);
    for (int i = 0; i < EDITORS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < EDITORS; i++) {
        assert_string_equal(together[i].error.message, "");
        assert_memory_equal(together[i].results, alone[i].results, sizeof alone[i].results);
    }
    assert_memory_not_equal(alone[0].results, alone[1].results, PIXELS);
    pthread_barrier_destroy(&start);
    diffedit_picture_free(picture);
    diffedit_model_close(model);
    free(alone);
    free(together);
}

static void test_two_editors(void **state)
{
    (void)state;
    assert_same_beside_another(0);
}

static void test_two_editors_one_network_at_a_time(void **state)
{
    (void)state;
    assert_same_beside_another(DIFFEDIT_MODEL_LOW_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_editors),
        cmocka_unit_test(test_two_editors_one_network_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
