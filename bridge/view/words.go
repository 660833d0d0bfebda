package view

import "strings"

// matchWords are pairs of plain things, each in both languages: two to five morae in Japanese, nothing that sounds like another, no names, no
// numbers. A pair keeps its place: open recoveries hold its index.
var matchWords = [...][2]string{
	{"桜 灯台", "cherry lighthouse"}, {"雪 太鼓", "snow drum"}, {"りんご 階段", "apple stairs"}, {"熊 風船", "bear balloon"},
	{"鏡 畑", "mirror field"}, {"鉛筆 湖", "pencil lake"}, {"傘 ライオン", "umbrella lion"}, {"卵 飛行機", "egg aeroplane"},
	{"時計 砂", "clock sand"}, {"蜂蜜 橋", "honey bridge"}, {"キツネ 枕", "fox pillow"}, {"月 バケツ", "moon bucket"},
	{"帽子 クジラ", "hat whale"}, {"針 島", "needle island"}, {"太陽 靴", "sun shoe"}, {"トマト 屋根", "tomato roof"},
	{"虹 机", "rainbow desk"}, {"豆腐 翼", "tofu wing"}, {"キリン 窓", "giraffe window"}, {"氷 ギター", "ice guitar"},
	{"竹 イルカ", "bamboo dolphin"}, {"毛布 山", "blanket mountain"}, {"ぶどう 駅", "grape station"}, {"鍵 ひまわり", "key sunflower"},
	{"羊 電話", "sheep telephone"}, {"雷 ボタン", "thunder button"}, {"みそ トラック", "miso lorry"}, {"皿 流れ星", "plate meteor"},
	{"カメラ トンボ", "camera dragonfly"}, {"パン 湯気", "bread steam"}, {"うさぎ 石", "rabbit stone"}, {"船 スプーン", "ship spoon"},
	{"森 ピアノ", "forest piano"}, {"切手 象", "stamp elephant"}, {"煙突 レモン", "chimney lemon"}, {"手袋 滝", "glove waterfall"},
	{"ねずみ 椅子", "mouse chair"}, {"星 玉ねぎ", "star onion"}, {"砂糖 トンネル", "sugar tunnel"}, {"ロボット いちご", "robot strawberry"},
	{"本棚 亀", "bookshelf turtle"}, {"糸 火山", "thread volcano"}, {"牛乳 旗", "milk flag"}, {"馬 ろうそく", "horse candle"},
	{"自転車 梅", "bicycle plum"}, {"ハト じゅうたん", "pigeon carpet"}, {"温泉 笛", "hot-spring whistle"}, {"塩 はしご", "salt ladder"},
	{"カエル 冷蔵庫", "frog refrigerator"}, {"メロン 電車", "melon train"}, {"眼鏡 雲", "glasses cloud"}, {"なす 灯籠", "aubergine lantern"},
	{"ペンギン 茶碗", "penguin bowl"}, {"波 封筒", "wave envelope"}, {"きのこ 噴水", "mushroom fountain"}, {"猿 ラジオ", "monkey radio"},
	{"柿 ロープ", "persimmon rope"}, {"井戸 バイオリン", "well violin"}, {"くじゃく やかん", "peacock kettle"}, {"人参 港", "carrot harbour"},
	{"蝶 庭", "butterfly garden"}, {"バナナ 城", "banana castle"}, {"刀 米", "sword rice"}, {"ツル 消しゴム", "crane eraser"},
	{"松 テント", "pine tent"}, {"石鹸 オオカミ", "soap wolf"}, {"きゅうり タワー", "cucumber tower"}, {"ハンマー 霧", "hammer fog"},
	{"鹿 絵筆", "deer paintbrush"}, {"栗 エンジン", "chestnut engine"}, {"畳 ヨット", "tatami yacht"}, {"貝殻 ポスト", "shell letterbox"},
}

// MatchWordCount is how many pairs of match words there are.
const MatchWordCount = len(matchWords)

// MatchWords returns a pair of match words as a page in that language shows it ("cherry · lighthouse"), "" for an index that there is not.
func MatchWords(lang string, index int) string {
	if index < 0 || index >= MatchWordCount {
		return ""
	}
	if lang == "ja" {
		return strings.Replace(matchWords[index][0], " ", "・", 1)
	}
	return strings.Replace(matchWords[index][1], " ", " · ", 1)
}
