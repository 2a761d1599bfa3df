/* SPDX-License-Identifier: MIT */

/*
 * A program to be traced: one thread makes documents, workers take them from a queue, parse them,
 * evaluate the expressions in them and print them back. The work is the same in every run:
 * parse-documents [DOCUMENTS].
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents.h"

enum { DOCUMENTS = 600, WORKERS = 4, QUEUE_SIZE = 16 };

/* ---- Trees ---- */

enum node_kind {
    NODE_NUMBER,
    NODE_NAME,
    NODE_STRING,
    NODE_BOOL,
    NODE_BINARY,
    NODE_ARRAY,
    NODE_MEMBER,
    NODE_OBJECT
};

struct node {
    enum node_kind kind;
    char operation;
    int64_t number;
    char name[16];
    struct node *first; /* child; of a member its value, of an operation its left side */
    struct node *next;  /* sibling */
};

static struct node *node_new(enum node_kind kind)
{
    struct node *node = calloc(1, sizeof *node);

    if (!node)
        abort();
    node->kind = kind;
    return node;
}

static void node_free(struct node *node)
{
    while (node) {
        struct node *next = node->next;
        node_free(node->first);
        free(node);
        node = next;
    }
}

/* ---- Tokens ---- */

enum token { TOKEN_END, TOKEN_NUMBER, TOKEN_NAME, TOKEN_STRING, TOKEN_MARK, TOKEN_BAD };

struct parser {
    const char *at;
    enum token token;
    char mark; /* of TOKEN_MARK */
    int64_t number;
    char name[16];
    bool failed;
};

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static void skip_spaces(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\n')
        parser->at++;
}

static void read_number(struct parser *parser)
{
    parser->number = 0;
    while (*parser->at >= '0' && *parser->at <= '9')
        parser->number = parser->number * 10 + (*parser->at++ - '0');
    parser->token = TOKEN_NUMBER;
}

static void read_word(struct parser *parser, enum token token)
{
    size_t length = 0;

    while (is_letter(*parser->at) && length + 1 < sizeof parser->name)
        parser->name[length++] = *parser->at++;
    parser->name[length] = '\0';
    parser->token = token;
}

static void read_string(struct parser *parser)
{
    parser->at++;
    read_word(parser, TOKEN_STRING);
    if (*parser->at == '"')
        parser->at++;
    else
        parser->token = TOKEN_BAD;
}

static void next_token(struct parser *parser)
{
    skip_spaces(parser);
    char c = *parser->at;
    if (c == '\0') {
        parser->token = TOKEN_END;
    } else if (c >= '0' && c <= '9') {
        read_number(parser);
    } else if (is_letter(c)) {
        read_word(parser, TOKEN_NAME);
    } else if (c == '"') {
        read_string(parser);
    } else {
        parser->token = strchr("{}[]():,+-*/", c) ? TOKEN_MARK : TOKEN_BAD;
        parser->mark = c;
        parser->at++;
    }
}

/* ---- Parsing ---- */

static struct node *parse_value(struct parser *parser);

static void report_syntax_error(struct parser *parser)
{
    parser->failed = true;
    parser->token = TOKEN_END;
}

static bool accept_mark(struct parser *parser, char mark)
{
    if (parser->token != TOKEN_MARK || parser->mark != mark)
        return false;
    next_token(parser);
    return true;
}

static void expect_mark(struct parser *parser, char mark)
{
    if (!accept_mark(parser, mark) && !parser->failed)
        report_syntax_error(parser);
}

static struct node *parse_leaf(struct parser *parser, enum node_kind kind)
{
    struct node *node = node_new(kind);

    node->number = parser->number;
    memcpy(node->name, parser->name, sizeof node->name);
    if (kind == NODE_NAME && (strcmp(node->name, "true") == 0 || strcmp(node->name, "false") == 0))
        node->kind = NODE_BOOL;
    next_token(parser);
    return node;
}

static struct node *parse_binary(struct parser *parser)
{
    struct node *node = node_new(NODE_BINARY);

    node->first = parse_value(parser);
    if (parser->token != TOKEN_MARK || !strchr("+-*/", parser->mark)) {
        report_syntax_error(parser);
        return node;
    }
    node->operation = parser->mark;
    next_token(parser);
    node->first->next = parse_value(parser);
    expect_mark(parser, ')');
    return node;
}

static struct node *parse_member(struct parser *parser)
{
    if (parser->token != TOKEN_STRING) {
        report_syntax_error(parser);
        return node_new(NODE_MEMBER);
    }
    struct node *member = parse_leaf(parser, NODE_MEMBER);
    expect_mark(parser, ':');
    member->first = parse_value(parser);
    return member;
}

static struct node *parse_list(struct parser *parser, enum node_kind kind, char end)
{
    struct node *list = node_new(kind);
    struct node **link = &list->first;

    if (accept_mark(parser, end))
        return list;
    do {
        *link = kind == NODE_OBJECT ? parse_member(parser) : parse_value(parser);
        link = &(*link)->next;
    } while (accept_mark(parser, ','));
    expect_mark(parser, end);
    return list;
}

/* Never NULL: after an error, a node without meaning. */
static struct node *parse_value(struct parser *parser)
{
    if (parser->token == TOKEN_NUMBER)
        return parse_leaf(parser, NODE_NUMBER);
    if (parser->token == TOKEN_STRING)
        return parse_leaf(parser, NODE_STRING);
    if (parser->token == TOKEN_NAME)
        return parse_leaf(parser, NODE_NAME);
    if (accept_mark(parser, '('))
        return parse_binary(parser);
    if (accept_mark(parser, '['))
        return parse_list(parser, NODE_ARRAY, ']');
    if (accept_mark(parser, '{'))
        return parse_list(parser, NODE_OBJECT, '}');
    if (!parser->failed)
        report_syntax_error(parser);
    return node_new(NODE_STRING);
}

/* NULL where the text is malformed. */
static struct node *parse_document(const struct text *text)
{
    struct parser parser = {.at = text->bytes};

    next_token(&parser);
    struct node *root = parse_value(&parser);
    if (parser.token != TOKEN_END)
        report_syntax_error(&parser);
    if (!parser.failed)
        return root;
    node_free(root);
    return NULL;
}

/* ---- Evaluating and printing ---- */

static int64_t look_up(const char *name)
{
    int64_t value = 0;

    for (; *name; name++)
        value = value * 3 + (*name - 'a');
    return value;
}

static int64_t divide(int64_t left, int64_t right)
{
    return right ? left / right : 0;
}

/* Wraps around where numbers get too large. */
static int64_t evaluate(const struct node *node)
{
    if (node->kind == NODE_NUMBER)
        return node->number;
    if (node->kind == NODE_NAME)
        return look_up(node->name);
    if (node->kind != NODE_BINARY)
        return 0;
    int64_t left = evaluate(node->first);
    int64_t right = evaluate(node->first->next);
    switch (node->operation) {
    case '+':
        return (int64_t)((uint64_t)left + (uint64_t)right);
    case '-':
        return (int64_t)((uint64_t)left - (uint64_t)right);
    case '*':
        return (int64_t)((uint64_t)left * (uint64_t)right);
    default:
        return divide(left, right);
    }
}

static void print_value(struct text *out, const struct node *node);

static void print_string(struct text *out, const char *string)
{
    text_add_char(out, '"');
    text_add(out, string);
    text_add_char(out, '"');
}

static void print_list(struct text *out, const struct node *list, char begin, char end)
{
    text_add_char(out, begin);
    for (const struct node *item = list->first; item; item = item->next) {
        print_value(out, item);
        if (item->next)
            text_add(out, ",");
    }
    text_add_char(out, end);
}

static void print_value(struct text *out, const struct node *node)
{
    switch (node->kind) {
    case NODE_STRING:
        print_string(out, node->name);
        break;
    case NODE_BOOL:
        text_add(out, node->name);
        break;
    case NODE_ARRAY:
        print_list(out, node, '[', ']');
        break;
    case NODE_OBJECT:
        print_list(out, node, '{', '}');
        break;
    case NODE_MEMBER:
        print_string(out, node->name);
        text_add_char(out, ':');
        print_value(out, node->first);
        break;
    default:
        text_add_number(out, evaluate(node));
    }
}

/* ---- The queue and its workers ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct text *documents[QUEUE_SIZE];
    size_t first, count;
    bool closed;
    uint64_t parsed, malformed, hash;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void queue_put(struct text *document)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE_SIZE)
        pthread_cond_wait(&queue.changed, &queue.lock);
    queue.documents[(queue.first + queue.count++) % QUEUE_SIZE] = document;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void queue_close(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.closed = true;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

/* NULL when there are no more to come. */
static struct text *queue_take(void)
{
    struct text *document = NULL;

    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0 && !queue.closed)
        pthread_cond_wait(&queue.changed, &queue.lock);
    if (queue.count > 0) {
        document = queue.documents[queue.first];
        queue.first = (queue.first + 1) % QUEUE_SIZE;
        queue.count--;
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    return document;
}

static void count_result(bool parsed, uint32_t hash)
{
    pthread_mutex_lock(&queue.lock);
    queue.parsed += parsed;
    queue.malformed += !parsed;
    queue.hash += hash;
    pthread_mutex_unlock(&queue.lock);
}

static void process_document(const struct text *document)
{
    static _Thread_local struct text out;
    struct node *root = parse_document(document);

    out.length = 0;
    if (root)
        print_value(&out, root);
    count_result(root, text_hash(&out));
    node_free(root);
}

static void *run_worker(void *unused)
{
    struct text *document;

    while ((document = queue_take())) {
        process_document(document);
        free(document);
    }
    return unused;
}

int main(int argc, char **argv)
{
    unsigned long documents = argc > 1 ? strtoul(argv[1], NULL, 10) : DOCUMENTS;
    pthread_t workers[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        if (pthread_create(&workers[i], NULL, run_worker, NULL))
            abort();
    }
    for (unsigned long i = 0; i < documents; i++)
        queue_put(document_make((uint32_t)i));
    queue_close();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    printf("%llu documents parsed, %llu malformed, hash %016llx\n",
           (unsigned long long)queue.parsed, (unsigned long long)queue.malformed,
           (unsigned long long)queue.hash);
    return 0;
}
