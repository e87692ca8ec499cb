"""Texts of the API's own page. What an operation does is said in the document, in English, for programmers."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "api.title": {"ja": "REST API", "en": "REST API"},
    "api.lead": {
        "ja": "コントロールパネルでできることは、すべてプログラムからも実行できます。容量の単位はオクテット、"
        "日時は RFC 3339 形式です。",
        "en": "Everything that the control panel does, for programs. Sums are octets, times are RFC 3339.",
    },
    "api.token": {
        "ja": "リクエストにはトークンが必要です。トークンはこちらで作成します：",
        "en": "Every request needs a token, which is made here:",
    },
    "api.document": {"ja": "OpenAPI 3.1 定義：", "en": "As OpenAPI 3.1:"},
    "api.scopes": {
        "ja": "トークンの権限（スコープ）。write は read を含みます。",
        "en": "What a token may (scopes); write includes read.",
    },
    "api.contents": {"ja": "目次", "en": "Contents"},
    "api.needs": {"ja": "必要なスコープ", "en": "Needs the scope"},
    "api.parameters": {"ja": "パラメーター", "en": "Parameters"},
    "api.body": {"ja": "リクエスト本文", "en": "Body"},
    "api.answers": {"ja": "応答", "en": "Answers"},
    "api.problems": {"ja": "エラー", "en": "Problems"},
    "api.problems.lead": {
        "ja": "エラーは application/problem+json（RFC 9457）で返ります。type がこの一覧の項目を指します。",
        "en": "Problems are application/problem+json (RFC 9457); their type leads to one of these.",
    },
}
