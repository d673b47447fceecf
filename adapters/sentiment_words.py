"""The words by which `adapters.sentiment` reads a review, by what they do in a sentence. Knows no rule.

A phrase is joined by `_`. Words are compared as `adapters.words.fold` writes them.
"""

from __future__ import annotations

from adapters.words import fold

VERBS = frozenset(["works", "fits", "likes", "breaks"])  # `it works`, unlike `work`, judges: not folded


def key(phrase: str) -> str:
    """A word, or words joined by `_`, in the form in which they are compared."""
    return "_".join(word if word in VERBS else fold(word).replace(" ", "_") or word for word in phrase.split("_"))


PRAISE = """
well pretty good great excellent perfect nice love loved loving loves best amazing wonderful awesome happy comfortable
comfy cozy sturdy durable easy easier easiest fast beautiful fantastic solid fine recommend recommended recommending
recomend highly_recommend favorite favourite soft quick strong fun cute lightweight pleased perfectly flawlessly
impressed impressive reliable superb delicious fresh clear helpful worth convenient gorgeous useful accurate quiet
sharp tasty yummy enjoy enjoyed enjoying enjoyable enjoys adore adores adored outstanding exceptional exceptionally
incredible incredibly terrific fabulous lovely handsome elegant stylish classy sleek chic adorable charming stunning
attractive flattering glad delighted thrilled ecstatic satisfied satisfying satisfactory liked likes liking nicely
beautifully wonderfully effortless effortlessly smoothly smooth securely secure evenly snug snugly generous roomy
spacious plush silky supple breathable cushy supportive warm toasty vivid vibrant crisp bright brilliant rich creamy
crunchy crispy juicy refreshing flavorful flavourful scrumptious yum mouthwatering hearty hydrated hydrating
moisturizing soothing gentle effective effectively efficient efficiently powerful responsive intuitive straightforward
simple user_friendly versatile handy practical affordable inexpensive reasonable reasonably bargain value good_value
prompt promptly speedy timely friendly courteous polite attentive dependable trustworthy robust rugged heavy_duty
well_made well_built precise precisely exactly_what as_described as_advertised as_pictured as_expected as_promised
true_to_size spot_on top_notch first_rate second_to_none high_quality five_stars 5_stars thumbs_up game_changer
life_saver lifesaver godsend winner gem must_have blessing breeze a_joy joy delight pleasure pleasant
pleasantly_surprised blown_away hooked obsessed grateful thankful thanks kudos bravo wow worked_like_a_charm like_new
miracle superior exceeded exceed exceeds surpassed surpasses outperforms outlasts unbeatable unmatched hard_to_beat
cant_beat cannot_beat cant_go_wrong cannot_go_wrong hard_to_put_down couldnt_put_it_down hard_to_fault cant_wait
look_forward compliments complimented ideal suitable adequate decent holds_up held_up holding_up hold_up stands_up
lasts_long lasted_years long_lasting lasts_all still_going going_strong like_a_dream as_good_as happier nicer stronger
softer sturdier faster quicker smoother clearer brighter quieter warmer fresher tastier comfier cuter prettier neater
healthier cleaner buy_again purchase_again order_again ordering_again buying_again repurchase buy_more order_more
ordering_more stock_up keeper no_brainer does_the_job did_the_job do_the_job does_the_trick did_the_trick does_its_job
does_what did_what gets_the_job on_point authentic genuine healthy safe stable balanced consistent consistently
immaculate spotless pristine polished luxurious luxury dainty darling sweetest fluffy plenty ample bonus happily
gladly proud confident improves relief saved_me saves_time time_saver timesaver entertaining engaging gripping
hilarious captivating fascinating inspiring insightful page_turner well_written informative thorough educational
cheerful peaceful relaxing wear_it_all grown_on fit_the_bill fits_the_bill fits_like_a_glove like_a_glove right_size
just_right a_must gets_stains_out sold_on raves rave raved loveliest top_quality great_quality best_ever satisfies
satisfy works_wonders works_great nonstick adaptable sensible neat cool compact portable ergonomic trusty worthwhile
flawless impeccable splendid marvelous marvellous stellar phenomenal magnificent exquisite graceful heavenly
remarkable remarkably dont_hesitate not_hesitate no_hesitation without_hesitation excellently amazingly faithful
very_light so_light light_and i_like we_like really_like also_like they_like do_like great_deal good_deal a_steal
without_a_hitch no_hitch without_a_snag very_pretty so_pretty pretty_and well_worth thank_you many_thanks
interesting_read works worked fits clean on_time quickly easily built_to_last last_a_long last_for_years huge_fan
big_fan a_plus jaw_dropping wont_be_sorry undamaged natural properly goes_a_long straight_forward continue_to_buy
keep_buying will_buy will_order will_purchase would_buy way_to_go works_better much_better lot_better so_much_better
better_than four_stars 4_stars shiny serious adjustable unique essential as_new does_all is_perfect right_fit
could_not_wait couldnt_wait not_sorry finest hiccup_free
"""
BLAME = """
bad poor poorly terrible terribly horrible horribly awful awfully cheaply cheap_looking disappointed disappointing
disappointment disappoint disappoints broke broken breaks breaking flimsy difficult uncomfortable useless worthless
waste wasted worst worse returned returning refund noisy weak weaker thin_walled slow slowly sluggish stopped quit
fail failed fails failing failure failures junk junky annoying annoyed annoys hate hated hates problem problems
problematic complicated confusing confused defective defect defects cracked cracks crack cracking leak leaks leaked
leaking leaky bland stale bitter dull scratchy itchy stiff slippery painful pain hurts hurt hurting sore overpriced
wrong missing unhappy stinks stink stinky stunk reeks smelly nasty disgusting gross yuck yucky inedible rancid moldy
mouldy rotten spoiled sour mushy soggy gritty greasy oily sticky gooey clumpy lumpy tasteless flavorless watery burnt
burned rough harsh irritating irritated irritates irritation irritate rash breakout breakouts allergic crap crappy
garbage trash trashed rubbish lousy pathetic ridiculous absurd horrendous atrocious dreadful appalling abysmal dismal
miserable mediocre inferior subpar shoddy sloppy tacky ugly hideous unattractive unflattering frumpy faded fade fades
fading discolored stained stain stains dirty filthy dusty dented dent dents scuffed scratched scratches scratch
chipped chips_off chipping peeled peels peeling flaking tore torn tear tears ripped rip rips shrunk shrank shrink
shrinks shrinking pilling pilled pills unraveled unraveling frayed fraying snagged snags wobbly wobble wobbles wobbled
rickety unstable unsteady shaky crooked warped bent misshapen lopsided uneven loosened snaps_off shattered collapsed
collapses collapse bursts burst exploded died dies dying dead malfunction malfunctioned malfunctions malfunctioning
glitchy glitch glitches buggy bug bugs crash crashes crashed crashing froze lag lags laggy drops_out disconnects
disconnected disconnecting overheats overheated overheating jams jammed jamming jam stuck clogs clogged clogging clog
rusted rusty rust corroded rots fell_apart falls_apart falling_apart fall_apart came_apart come_apart comes_apart
fell_off falls_off falling_off fall_off came_off comes_off coming_off come_off come_loose came_loose comes_loose
broke_off wore_out worn_out wears_out gave_out gives_out gave_up wear_out let_down lets_down let_me_down let_us_down
letdown a_letdown lets_me_down sent_back send_back sent_it_back send_it_back send_them_back sent_them_back
took_it_back going_back went_back_to money_back threw_it_away threw_away threw_it_out threw_them_away thrown_away
in_the_trash in_the_garbage never_again stay_away steer_clear look_elsewhere keep_looking buyer_beware beware avoid
save_your_money do_not_buy dont_buy dont_waste do_not_waste think_twice dont_bother not_worth regret regrets regretted
regretting regrettable sadly unfortunately complain complained complaining complaint complaints issue issues trouble
troubles hassle hassles headache nightmare struggle struggled struggles struggling frustrating frustrated frustration
hard_to tough_to impossible_to pain_to impossible tricky awkward awkwardly clumsy clunky cumbersome bulky inconvenient
unusable unreliable inaccurate inconsistent impractical unsafe dangerous hazard hazardous toxic misleading mislead
misled deceptive deceiving deceived false fake counterfeit knockoff knock_off scam scammed fraud rip_off ripoff
ripped_off lies rude unhelpful unresponsive unprofessional incompetent ignored late delayed delay delays lost damaged
damage damages damaging crushed smashed incomplete incorrect mislabeled expired mess messy tangled tangles fault
faulty flaw flaws flawed drawback drawbacks downside downsides shortcoming shortcomings lacking lacked lacks lack
deal_breaker dealbreaker bored boring tedious predictable outdated obsolete slides_down falls_down fell_down wont_stay
hit_or_miss one_star 1_star zero_stars thumbs_down hitches glaring deafening blurry blurred fuzzy grainy pixelated dim
tinny muffled distorted distortion crackles crackling crackle static hissing hiss buzzing squeaks squeaky squeak
rattles rattle creaks creaky overpowering artificial synthetic_smell plasticky plastic_y fragile brittle streaks
streaky residue sags sagging sagged saggy digs chafes chafe chafing blisters scary rips_off dulls dull_after sweaty
half_empty nothing_special nothing_to_write not_as_pictured nothing_like overrated overhyped gimmick gimmicky
unacceptable inadequate insufficient disaster poor_quality low_quality out_of_stock see_through dissatisfied
unsatisfied unimpressed underwhelming underwhelmed upset angry ashamed shame embarrassing pointless senseless foul
funky offensive pungent sickening nauseating vomit diarrhea destroyed destroys ruined ruins ruin wasnt_worth bad_taste
aftertaste overcharged pricy hefty_price expensive unfit short_lived runs_out goes_flat goes_dead bleeds bled bleeding
curdled crumbles crumbled crumbly crumbling scam_artist horrid icky no_good worsened complains crud crummy unpleasant
unbearable unwearable unreadable illegible too_much worrying flop flopped no_better_than tips_over topples off_putting
bogus dud lemon stalls stalled wouldnt_waste not_waste wouldnt_buy wont_buy not_buy never_buy pricey too_steep
no_thanks not_impressed sheds_everywhere snapped snapped_off cheap lose loses sucks sucked weird took_forever tossed
down_side smelled_bad looks_cheap feels_cheap breaks_easily will_break would_break did_break came_undone come_undone
comes_undone came_unglued came_unstitched none_the_wiser too_good_to_be_true too_good_to_be in_the_bin threw throwing
good_luck cant_use cannot_use money_down worst_enemy no_use of_no_use no_way_to no_option_to no_place_to no_room_for
"""
# What a thing is expected to do or have: a complaint if it does not.
FUNCTIONS = """
like improve work works worked working fit fits fitted charge charges charged connect connects connected pair pairs
paired sync syncs stay stays stayed hold holds held close closes closed open opens opened last lasts lasted seal seals
sealed clean cleans cleaned help helps helped fix fixed start starts started turn_on turns_on turned_on turn_off
power_on respond responds responded reply replied answer answered arrive arrived come_with came_with receive received
fasten fastens recline heat heats heated cool_down dry dries absorb absorbs cut cuts stick adhere adheres match
matches cover covers keep keeps kept rinse dissolve dissolves zip zips latch latches lock locks charge_fully include
included offer function functions functional load loads play plays read save line_up lines_up make_sense makes_sense
look_like looks_like refund_me do_anything did_anything do_much do_what support padding cushioning suction grip flavor
flavour taste traction stability bass volume warranty instructions manual enough fully resemble understand wash_off
come_off_easily compatible eat eats understandable steady straight reach reaches charge_my care cares refunded call
called call_back called_back finish touch drink wear_it print grow rinse_out
"""
# Harms: praise if there is none, otherwise they say nothing.
HARMS = """
bother bothers bothered slip slips slipped fight flake wear sorry dig digs pinch pinches burn burns snap snaps shed
sheds break hiccup hitch snag fuss effort smell odor odour noise lump splinter wrinkle wrinkles drip drips spill
spills stretch stretched bunch bunches ride_up rides_up roll_down tip stick sting stings worry worries worried
complain change hesitate hesitation second_thoughts side_effect side_effects assembly_required additive additives
chemical chemicals glare wait doubt exception surprise surprises budge wiggle
"""
# Words that announce a complaint; the words after them may say which.
MARKERS = """
complaint complaints downside drawback con problem issue gripe unfortunately sadly flaw fault disappointment wish
drawbacks downsides negative
"""
# How big, heavy or strong in taste a thing is: neither good nor bad, but `too big` and `big enough` are.
MEASURES = """
big small large little long short wide narrow thick thin heavy deep shallow tall high low loud tight loose hot cold
cheap sweet salty spicy hard firm dark pale bright strong light soft stiff runny dry wet sheer expensive complicated
sensitive bulky tiny huge big_in fast slow salty_for quiet difficult
"""
COMPARATIVES = """
better more happier easier nicer stronger softer sturdier faster cheaper quicker smoother clearer brighter quieter
lighter warmer cooler fresher tastier sharper simpler bigger larger smaller longer shorter wider narrower thicker
thinner tighter looser heavier deeper taller higher lower louder roomier comfier cuter prettier safer tougher firmer
kinder hotter colder sooner sweeter stiffer crisper richer fuller finer greener cleaner neater healthier darker
"""
GOOD_COMPARATIVES = """
better more happier easier nicer stronger softer sturdier faster quicker smoother clearer brighter quieter warmer
fresher tastier sharper simpler roomier comfier cuter prettier safer tougher kinder crisper richer finer cleaner
neater healthier
"""
NEGATORS = """
not never no isnt wasnt arent werent dont didnt doesnt wont wouldnt cant cannot couldnt shouldnt hasnt havent hadnt
hardly barely scarcely without neither nor none nobody nothing nt aint far_from anything_but lack_of yet_to
nowhere_near refuses_to refused_to failed_to fails_to unable_to less_than zero stopped_being
"""
# Words that look like a negation or an opinion and are none.
PLAIN = """
without_doubt without_a_doubt nothing_more nothing_less a_good_deal not_only not_just not_to_mention no_doubt
no_wonder no_matter no_time nothing_but nothing_short_of not_without no_less none_other why_not no_one as_well
as_well_as well_as pretty_much if_not kind_of like_the_others look_like looks_like looked_like like_to would_like
id_like feel_like feels_like felt_like seems_like tastes_like smells_like sounds_like like_a like_an like_this
like_that i_like_to fine_print hard_drive hard_case hard_shell hard_wood light_bulb light_switch night_light
quick_release soft_case cold_brew best_friend best_buy no_show fair_amount great_dane good_bit no_idea no_clue
pretty_good_at dry_skin sensitive_skin oily_skin sharp_edges long_time for_a_change issue_of problem_solved well_i
oh_well well_known last_year a_well fast_forward fast_food straight_out pain_relief back_pain joint_pain knee_pain
neck_pain pain_free back_problems skin_problems breaking_in break_in tear_drop sore_throat sore_muscles rust_color
thank_you_card trash_can garbage_can garbage_disposal waste_basket dead_skin stain_remover bug_spray coffee_break
lunch_break even_better the_more no_more_than more_than
"""
CONTRASTS = "but however although though except yet still_not whereas while unless despite otherwise besides"
OKAY = "ok okay average so_so alright meh ordinary middling acceptable passable"
MODALS = "could should would might must need needs ought might_have"
RELIEF = """
stop stops stopped prevent prevents prevented reduce reduces reduced relieve relieves relieved eliminate eliminates
remove removes removed resist resists resisted survived survives withstood withstands free_of free_from no_more
get_rid_of gets_rid_of got_rid_of relief_from protects_from protect_from minimizes eased eases fixed fixes solved
solves cured cures
"""
BEFORE = """
at_first initially used_to until originally in_the_beginning at_the_beginning when_new for_a_day for_a_week
for_a_month for_a_while for_two_weeks for_about
"""
OTHERS = "unlike compared than instead_of rather_than others other_brands my_old my_last previous"
STRONG = """
terrible horrible awful worst worthless useless junk garbage trash crap waste refund returned returning disappointed
disappointing disappointment regret never_again stay_away dont_buy do_not_buy avoid beware scam hate fell_apart broke
sent_it_back send_it_back defective died love loves perfect perfectly excellent amazing awesome fantastic wonderful
outstanding superb best highly_recommend recommend favorite thrilled exceeded flawless flawlessly
"""
