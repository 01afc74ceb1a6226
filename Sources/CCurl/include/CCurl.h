#pragma once
#include <curl/curl.h>

// libcurl, loaded when it is first needed.
//
// It comes with thirty libraries of its own (TLS, LDAP, Kerberos …), which take 5 ms to load: a third of what a command
// takes that only talks to a mount, or to a repository in a folder. The functions are libcurl's, with a `c` before their
// names; what libcurl takes through `...` Swift cannot pass, so there is one function for each type.

/// Loads libcurl, once. Returns NULL, or why it cannot be loaded: a text that stays. No other function may be called
/// before this one has returned NULL.
const char *ccurl_load(void);

CURLcode ccurl_global_init(long flags);

CURL *ccurl_easy_init(void);
void ccurl_easy_reset(CURL *handle);
void ccurl_easy_cleanup(CURL *handle);
CURLcode ccurl_easy_pause(CURL *handle, int bitmask);
const char *ccurl_easy_strerror(CURLcode code);

CURLM *ccurl_multi_init(void);
CURLMcode ccurl_multi_cleanup(CURLM *multi);
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *handle);
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *handle);
CURLMcode ccurl_multi_perform(CURLM *multi, int *running_count);
CURLMcode ccurl_multi_poll(CURLM *multi, struct curl_waitfd *others, unsigned count, int milliseconds, int *ready_count);
CURLMcode ccurl_multi_wakeup(CURLM *multi);
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *remaining_count);

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text);
void ccurl_slist_free_all(struct curl_slist *list);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_count(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
/// libcurl keeps a copy.
CURLcode ccurl_set_blob(CURL *handle, CURLoption option, const void *bytes, size_t count);
CURLcode ccurl_set_data_function(CURL *handle, CURLoption option, curl_write_callback function);
CURLcode ccurl_set_seek_function(CURL *handle, curl_seek_callback function);
CURLcode ccurl_set_socket_function(CURL *handle, curl_opensocket_callback function);
CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_count(CURL *handle, CURLINFO info, curl_off_t *value);
CURLcode ccurl_message_result(const CURLMsg *message);
