"""Finds names behind a word for a person in Cyrillic, Greek, Chinese, Japanese, Korean, Arabic, Hebrew, Persian, Thai and of India."""

import re

# Where letters have two cases, the capital shows the name.
_CASED = re.compile(
    r"(?<!\w)(?:(?i:клиент|абонент|пациент|пользовател|заказчик|сотрудник|покупател|клієнт|користувач|пацієнт|πελάτη|ασθεν|χρήστη)\w{0,3})"
    r"(?: ?:)? (?P<name>[А-ЯЁІЇЄҐΑ-ΩΆΈΉΊΌΎΏ][а-яёіїєґα-ωάέήίόύώ'’-]{1,30}(?: [А-ЯЁІЇЄҐΑ-ΩΆΈΉΊΌΎΏ][а-яёіїєґα-ωάέήίόύώ'’-]{1,30}){1,2})"
)
_CHINESE_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江"
    "張劉陳楊黃趙吳孫馬羅鄭謝許鄧馮韓蕭葉蔣蘇呂盧鍾譚陸賈韋鄒"
)
_CHINESE = re.compile(
    rf"(?:客户|顾客|用户|患者|病人|联系人|座席|客戶|顧客|用戶)[ :：「“]{{0,2}}(?P<name>[{_CHINESE_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=[ ,，。、:：」”不未已的无無]|$)"
)
_JAPANESE = re.compile(
    r"(?P<name>[\u4e00-\u9fff]{2,5}(?: [\u4e00-\u9fff]{1,3})?|[\u30a0-\u30ff]{2,12})(?= ?様(?:[^\u4e00-\u9fff]|$))"
)
_KOREAN_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류홍전고문손양배백허남심노하곽성차주우구민유나진지엄채원천방공현함변염여추"
)
_KOREAN = re.compile(
    rf"(?:고객|환자|사용자|상담원|회원)(?:님)?[ :]{{1,2}}(?P<name>[{_KOREAN_SURNAMES}][\uac00-\ud7a3](?![을를이가은는의에도와과로])[\uac00-\ud7a3])(?=[ ,.]|님|씨|을|를|이|가|은|는|의|$)"
)
# Arabic and Hebrew have one case: two words follow, and neither is one of a sentence.
_NO_NAME = r"(?!(?:غير|لا|لم|لن|تم|ليس|في|من|على|إلى|هذا|قد|المحدد|الجديد|לא|אינו|אינה|של|את|נמצא|חדש)\b)"
_UNCASED = re.compile(
    rf"(?:العميل|المستخدم|المريض|الزبون|המטופל|הלקוח|לקוח)[ :]{{1,2}}(?P<name>{_NO_NAME}[\u0590-\u05ff\u0620-\u064a]{{2,15}} {_NO_NAME}[\u0590-\u05ff\u0620-\u064a]{{2,15}})(?!\w)"
)
# Scripts of India, Thailand and Persia: two words behind a word for a customer. A Thai title stands immediately before the name.
_INDIC = r"[\u0900-\u0963\u0980-\u09e3\u0a00-\u0a65\u0a80-\u0ae3\u0b80-\u0be5\u0c00-\u0c63\u0c80-\u0ce3\u0d00-\u0d63]"
_NO_INDIC = r"(?!(?:नहीं|को|का|की|के|से|में|है|ने|न|নেই|না|খুঁজে|লোড|লগইন|लॉगिन|नया|லை)(?![\u0900-\u0dff]))"
_OF_INDIA = re.compile(
    rf"(?:ग्राहक|मरीज|रोगी|উপভোক্তা|গ্রাহক|রোগী|ગ્રાહક|ਗਾਹਕ|வாடிக்கையாளர்|కస్టమర్|ಗ್ರಾಹಕ|ഉപഭോക്താവ്)[ :]{{1,2}}(?P<name>{_NO_INDIC}{_INDIC}{{2,20}} {_NO_INDIC}{_INDIC}{{2,20}})(?!{_INDIC})"
)
_THAI = re.compile(
    r"(?:(?:ลูกค้า|ผู้ป่วย|ผู้โทร)[ :]{1,2}|(?:นางสาว|นาย|นาง|คุณ) ?)(?P<name>(?!ไม่|ใหม่)[\u0e01-\u0e4e]{2,20} (?!ไม่|ถูก|ได้|โทร|ติด)[\u0e01-\u0e4e]{2,20})(?![\u0e01-\u0e4e])"
)
_PERSIAN = re.compile(
    r"(?:مشتری|بیمار|کاربر|صارف|گاہک|مریض)[ :]{1,2}(?P<name>(?!یافت|نشد|جدید|نہیں|کو|کی|نے)[\u0621-\u06d3]{2,15} (?!یافت|نشد|نہیں|کو|کی|نے|را|است)[\u0621-\u06d3]{2,15})(?![\u0621-\u06d3])"
)
_PATTERNS = (
    (re.compile(r"[\u0370-\u052f]"), _CASED),
    (re.compile(r"[\u4e00-\u9fff]"), _CHINESE),
    (re.compile("様"), _JAPANESE),
    (re.compile(r"[\uac00-\ud7a3]"), _KOREAN),
    (re.compile(r"[\u0590-\u06ff]"), _UNCASED),
    (re.compile(r"[\u067e\u06a9\u06cc\u0698\u06af\u0635]"), _PERSIAN),
    (re.compile(r"[\u0900-\u0dff]"), _OF_INDIA),
    (re.compile(r"[\u0e00-\u0e7f]"), _THAI),
)


def mask_in_other_scripts(text: str) -> str:
    """The text with `[name]` for each name behind a word for a person; a text of ASCII costs nothing."""
    if text.isascii():
        return text
    for script, pattern in _PATTERNS:
        if script.search(text):
            text = pattern.sub(_mask, text)
    return text


def _mask(match: re.Match[str]) -> str:
    start, end = match.start("name") - match.start(), match.end("name") - match.start()
    return f"{match[0][:start]}[name]{match[0][end:]}"
