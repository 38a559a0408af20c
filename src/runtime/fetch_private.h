/* fetch_private.h - a flight: one transfer of libcurl's, shared by all who asked for the same. */
#ifndef CARNET_RUNTIME_FETCH_PRIVATE_H
#define CARNET_RUNTIME_FETCH_PRIVATE_H
#include "base/buf.h"
#include "runtime/fetch.h"
#include <curl/curl.h>

#define FETCH_WAITING_MAX 1024
#define FETCH_HEADERS_MAX 32768

typedef struct Flight {
        struct Flight *next;      /* in the fetcher's queue, then among its flights */
        _Atomic unsigned counts;  /* waiters that still read it, and the fetcher */
        Arena *arena;
        FetchRequest request;     /* copies */
        Text key;                 /* everything that makes two requests the same; empty: never shared */
        Fetch *waiters;
        CURL *easy;
        struct curl_slist *headers;
        const char *refused;      /* set by a callback that ended the transfer */
        Buf body;
        size_t header_bytes;
        FetchAnswer answer;
} Flight;

struct Fetch {
        LoopNote note;
        Fetch *next_waiter;       /* of the flight; the fetcher's */
        Fetch *prev, *next;       /* all that live, under the fetcher's lock */
        Fetcher *fetcher;
        Flight *flight;
        Loop *home;
        FetchDone *done;
        void *arg;
        bool cancelled;           /* the home loop's */
};

Flight *flight_new(const FetchRequest *request);
void flight_count(Flight *flight);
void flight_release(Flight *flight);
Outcome flight_open(Flight *flight);                    /* the easy handle, ready for a multi */
void flight_land(Flight *flight, CURLcode code);        /* fills `answer`, closes the handle */
#endif
