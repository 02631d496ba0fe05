//! Which VAT a company charges, as its staff see it.

use super::bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_charges_vat_without_rules_is_not_served_and_told_why() {
    let mut bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    bed.set("COMPANY__VAT_CODE", "LT100012345678");
    for command in ["serve", "worker"] {
        let refused = bed.run(&[command]).await;
        assert!(refused.told().contains("billing.vat.country"), "{command}: {refused:?}");
    }
    let doctor = bed.run(&["doctor", "--json"]).await.json();
    assert!(doctor["ok"] == false && doctor.to_string().contains("billing.vat.country"), "{doctor}");

    bed.set("BILLING__VAT__COUNTRY", "LT");
    bed.set("BILLING__VAT__RATES", "LT 2009-09-01 21");
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);
    assert_eq!(bed.serve(&["--with-worker"]).await.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postal_code_of_a_special_territory_counts() {
    let mut bed = Bed::new();
    bed.set("BILLING__VAT__COUNTRY", "LT");
    bed.set("BILLING__VAT__RATES", "LT 2009-09-01 21");
    bed.json(&["demo", "load"]).await;
    bed.json(&["customer", "set", "demo", "--vat", "rules"]).await;
    for (country, zip, rate, ground) in
        [("ES", "28001", "21", "seller"), ("ES", "38001", "0", "export"), ("MC", "98000", "21", "seller")]
    {
        let told = bed.json(&["customer", "profile", "demo", "--country", country, "--zip", zip]).await["vat"].clone();
        assert_eq!((&told["rate"], &told["ground"]), (&rate.into(), &ground.into()), "{country} {zip}: {told}");
    }
}
