from vartai_client import Gateway, Refused

gateway = Gateway("test", "test", password=True)
for tarif in gateway.getTarifs(vid="vds")["tarifs"]:
    print(tarif["name"], tarif["costMonthly"], tarif["currency"])
try:
    gateway.renewOrder(orderid=999999999, period=1)
except Refused as refused:
    print(refused.id, "charged:", refused.meaning.charged)
