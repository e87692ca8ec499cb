"""Texts of accounts as files, and of work in the background."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "file.title": {"ja": "CSV で一括登録・出力", "en": "CSV in and out"},
    "file.in": {"ja": "CSV ファイルから登録・変更", "en": "From a file"},
    "file.in.lead": {
        "ja": "ファイルを選ぶと、まず内容を確認し、変更点の一覧を表示します。確定するまで何も変更されません。",
        "en": "The file is checked and you are shown what it would do. Nothing changes before you confirm.",
    },
    "file.file": {"ja": "CSV ファイル", "en": "File"},
    "file.file.help": {
        "ja": "Excel の「CSV UTF-8」または Shift_JIS（CP932）形式。5,000 行まで一度に処理できます。",
        "en": "As Excel saves it: CSV UTF-8 or CP932, 5,000 lines at most.",
    },
    "file.check": {"ja": "内容を確認する", "en": "Check the file"},
    "file.columns": {"ja": "列の見出し", "en": "Columns"},
    "file.columns.lead": {
        "ja": "1 行目に見出しを入れます。順序は自由で、「メールアドレス」以外は省略できます。"
        "省略した列の設定は変わりません。",
        "en": "The first line names them, in any order. Only the address is needed; a column that is left out stays"
        " as it is.",
    },
    "file.column.comment": {
        "ja": "氏名や部署など、自由に入力できます。",
        "en": "Anything, such as name and department.",
    },
    "file.column.address": {
        "ja": "未登録なら新規追加、登録済みなら変更になります。",
        "en": "A new account, or one to change.",
    },
    "file.column.password": {
        "ja": "新規で空欄の場合は自動作成し、通知書に印刷します。",
        "en": "Where a new account has none, one is made and put on a sheet to print.",
    },
    "file.column.limit": {
        "ja": "GB 単位の整数。新規の既定は 1。",
        "en": "In whole GB; 1 for a new account.",
    },
    "file.column.several": {
        "ja": "複数ある場合は空白で区切ります。",
        "en": "Several, with blanks between them.",
    },
    "file.column.flags": {"ja": "「はい」または「いいえ」。", "en": "yes or no"},
    "file.out": {"ja": "CSV ファイルに出力", "en": "As a file"},
    "file.out.lead": {
        "ja": "すべてのアカウントの設定を出力します（パスワードは含みません）。編集して取り込むこともできます。",
        "en": "All accounts with their settings, without passwords. It may come in again, edited.",
    },
    "file.utf8": {"ja": "UTF-8（Excel 2016 以降）", "en": "UTF-8 (Excel 2016 and later)"},
    "file.cp932": {"ja": "Shift_JIS（CP932）", "en": "CP932 (older programs)"},
    "file.none": {"ja": "ファイルを選んでください。", "en": "Choose a file."},
    "plan.title": {"ja": "取り込み内容の確認", "en": "What this file would do"},
    "plan.new": {"ja": "新規追加", "en": "New"},
    "plan.change": {"ja": "変更", "en": "Changed"},
    "plan.unchanged": {"ja": "変更なし", "en": "As they are"},
    "plan.wrong": {"ja": "エラー", "en": "Mistakes"},
    "plan.capacity": {"ja": "割り当て容量", "en": "Given out"},
    "plan.line": {"ja": "行", "en": "Line"},
    "plan.what": {"ja": "内容", "en": "What"},
    "plan.mistakes": {
        "ja": "エラーがあるため取り込めません。ファイルを修正して、もう一度選んでください。",
        "en": "There are mistakes, so nothing is done. Mend the file and choose it again.",
    },
    "plan.nothing": {
        "ja": "変更点はありません。",
        "en": "Everything is so already.",
    },
    "plan.more": {"ja": "ほか {count} 件", "en": "and {count} more"},
    "plan.go": {"ja": "{count} 件を取り込む", "en": "Do it for {count}"},
    "plan.gone": {
        "ja": "確認の有効期限が切れました。もう一度ファイルを選んでください。",
        "en": "That was too long ago. Please choose the file again.",
    },
    "plan.generated": {"ja": "パスワード自動作成", "en": "password made here"},
    "plan.password": {"ja": "パスワード", "en": "password"},
    "plan.limit": {"ja": "容量 {value}", "en": "limit {value}"},
    "plan.comment": {"ja": "備考「{value}」", "en": "comment “{value}”"},
    "plan.aliases": {"ja": "別名 {value}", "en": "aliases {value}"},
    "plan.forward_to": {"ja": "転送先 {value}", "en": "forward to {value}"},
    "plan.flag": {"ja": "{name}：{value}", "en": "{name}: {value}"},
    "plan.keep_copy": {"ja": "転送時に残す", "en": "keep a copy"},
    "plan.receive": {"ja": "受信", "en": "receive"},
    "plan.suspended": {"ja": "停止", "en": "suspended"},
    "plan.tag_subject": {"ja": "件名に[SPAM]", "en": "[SPAM] in the subject"},
    "plan.to_junk": {"ja": "迷惑メールフォルダー", "en": "spam into Junk"},
    "job.title.csv": {"ja": "CSV の取り込み", "en": "Taking over the file"},
    "job.title.passwords": {"ja": "パスワードの発行", "en": "New passwords"},
    "job.running": {
        "ja": "処理中です。この画面を閉じても処理は続きます。",
        "en": "At work. It goes on if you leave this page.",
    },
    "job.done": {"ja": "{done} / {total} 完了", "en": "{done} of {total} done"},
    "job.ended": {"ja": "完了しました。", "en": "It is done."},
    "job.problems": {
        "ja": "次のアカウントは処理できませんでした：",
        "en": "These were refused:",
    },
    "job.sheets": {"ja": "通知書を表示・印刷（{count} 件）", "en": "Sheets to print ({count})"},
    "job.sheets.lead": {
        "ja": "自動作成したパスワードは、1 時間以内に限り、この画面から印刷できます。",
        "en": "Passwords that were made here can be printed from this page within an hour.",
    },
    "job.gone": {
        "ja": "この処理の記録はありません（1 時間で削除されます）。結果はアカウント一覧でご確認ください。",
        "en": "Nothing is known of that work any more (after an hour). What it did is in the list.",
    },
}
