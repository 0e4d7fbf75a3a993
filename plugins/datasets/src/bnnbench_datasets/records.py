"""The raw files this package knows: names, sizes, hashes, sources, licences (datasets.md 2, 3).

Hashes are those of files that were read and counted, except where the licence or manual text says
"as published" or "not verified".
"""

from __future__ import annotations

from bnnbench_datasets.files import RawFile, Record

_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
_UCI_LICENCE = "CC BY 4.0 (not verified; read the set's UCI page before redistributing)"

MNIST = Record(
    name="mnist",
    files=(
        RawFile(
            "mnist/train-images-idx3-ubyte.gz",
            9_630_610,
            "7ff28fd295f802eefc6d40e461175dfe4b969b1842b2abc8c6dc8c20711cf79f",
            content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            url="https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
        ),
        RawFile(
            "mnist/train-labels-idx1-ubyte.gz",
            28_881,
            "ec02e7948609e5754d47881c09b8afdd8dfa60600b9e5388c8c54a67069ec772",
            content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            url="https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
        ),
        RawFile(
            "mnist/t10k-images-idx3-ubyte.gz",
            1_648_877,
            "167310007f03058885c7e95e6c0b19c20de5c7fd3031f4cbdadc9014a523d80b",
            content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
        ),
        RawFile(
            "mnist/t10k-labels-idx1-ubyte.gz",
            4_542,
            "fc607395669ec21321ea83e4b82c0544b7e8e63ff5b34337c06bc0a17cc0da3c",
            content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
        ),
    ),
    source="LeCun, Cortes, Burges: the MNIST database",
    licence="CC BY-SA 3.0 according to Keras' documentation (not verified)",
    manual="put the four gz files, in any compression, into mnist/ of a data directory.",
    citation="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document"
    " recognition, Proc. IEEE 86(11), 1998",
)

_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
FASHION_MNIST = Record(
    name="fashion-mnist",
    files=(
        RawFile(
            "fashion-mnist/train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            url=f"{_FASHION}/train-images-idx3-ubyte.gz",
        ),
        RawFile(
            "fashion-mnist/train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            url=f"{_FASHION}/train-labels-idx1-ubyte.gz",
        ),
        RawFile(
            "fashion-mnist/t10k-images-idx3-ubyte.gz",
            None,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            url=f"{_FASHION}/t10k-images-idx3-ubyte.gz",
        ),
        RawFile(
            "fashion-mnist/t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            url=f"{_FASHION}/t10k-labels-idx1-ubyte.gz",
        ),
    ),
    source="zalandoresearch/fashion-mnist (hashes as published)",
    licence="MIT",
    manual="put the four gz files of the project page into fashion-mnist/ of a data directory.",
    citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747",
)

ADULT = Record(
    name="adult",
    files=(
        RawFile(
            "adult/adult.data",
            3_974_305,
            "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            url=f"{_UCI}/adult/adult.data",
        ),
        RawFile(
            "adult/adult.test",
            2_003_132,
            "72567b94f5c1a6f8501377dd80f93892c3848ff071cf91ba47e00b0785a28074",
            # The same bytes after UCI's comment line "|1x3 Cross validator".
            also=("a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",),
            url=f"{_UCI}/adult/adult.test",
        ),
    ),
    source='UCI "Adult" (dataset 2)',
    licence=_UCI_LICENCE,
    manual="put UCI's adult.data and adult.test into adult/ of a data directory.",
    citation="Becker, Kohavi: Adult, UCI Machine Learning Repository, 1996",
)

HEART = Record(
    name="heart",
    files=(
        RawFile(
            "heart/heart.csv",
            11_328,
            "7c3014365675306819510a49ff289efbec1d1a6a666a2dc7652f1547b383d859",
        ),
    ),
    source='a Kaggle re-encoding ("heart.csv") of UCI "Heart Disease" (dataset 45)',
    licence=_UCI_LICENCE,
    manual="Put heart.csv into heart/ of a data directory.",
    citation="Janosi, Steinbrunn, Pfisterer, Detrano: Heart Disease, UCI Machine Learning"
    " Repository, 1989",
)

CLEVELAND = Record(
    name="cleveland",
    files=(
        RawFile(
            "cleveland/processed.cleveland.data",
            18_461,
            "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
            url=f"{_UCI}/heart-disease/processed.cleveland.data",
        ),
    ),
    source='UCI "Heart Disease" (dataset 45), processed.cleveland.data'
    " (hash of a public copy, identity with UCI's file not verified)",
    licence=_UCI_LICENCE,
    manual="put UCI's processed.cleveland.data into cleveland/ of a data directory.",
    citation=HEART.citation,
)

BCW_KURTZ_BAH = Record(
    name="bcw-kurtz-bah",
    files=(
        RawFile(
            "breast-cancer-wisconsin/breast-cancer-wisconsin.csv",
            14_487,
            "6971f9fbf2a195dd093cf16330b96b5fb3f30478301e3540588cdf8900e22a13",
        ),
    ),
    source="the released code of Kurtz and Bah",
    licence=_UCI_LICENCE,
    manual="Put breast-cancer-wisconsin.csv into breast-cancer-wisconsin/ of a data directory.",
    citation="Wolberg: Breast Cancer Wisconsin (Original), UCI Machine Learning Repository, 1990",
)

BCW_ORIGINAL = Record(
    name="bcw-original",
    files=(
        RawFile(
            "breast-cancer-wisconsin-original/breast-cancer-wisconsin.data",
            19_889,
            "402c585309c399237740f635ef9919dc512cca12cbeb20de5e563a4593f22b64",
            url=f"{_UCI}/breast-cancer-wisconsin/breast-cancer-wisconsin.data",
        ),
    ),
    source='UCI "Breast Cancer Wisconsin (Original)" (hash of a public copy, identity with'
    " UCI's file not verified)",
    licence=_UCI_LICENCE,
    manual="put UCI's breast-cancer-wisconsin.data into breast-cancer-wisconsin-original/ of a"
    " data directory.",
    citation=BCW_KURTZ_BAH.citation,
)

CREDIT_DEFAULT = Record(
    name="credit-default",
    files=(
        RawFile(
            "credit-default/default_of_credit_card_clients.csv",
            2_698_097,
            "cd1fc9efd3bb27b32c5e6b35539ceee93d3accd20556d5065b4cf586026881c7",
        ),
    ),
    source='the released code of Kurtz and Bah, after UCI "Default of credit card clients"',
    licence=_UCI_LICENCE,
    manual="Put the csv form, ';' separated and without header, into credit-default/ of a data"
    " directory; UCI's .xls file is not read.",
    citation="Yeh: Default of Credit Card Clients, UCI Machine Learning Repository, 2009",
)

A1A = Record(
    name="a1a",
    files=(
        RawFile(
            "a1a/a1a.csv",
            794_466,
            "fd7cc40d540b187615d57132aef5ff3975de5ede5574b606b07ecaa591129e89",
        ),
    ),
    source='LIBSVM data, binary classification, "a1a" (derived from adult), as dense csv',
    licence=_UCI_LICENCE,
    manual="Put the dense csv form into a1a/ of a data directory; LIBSVM's sparse text is not"
    " read.",
    citation="Platt: Fast training of support vector machines using sequential minimal"
    " optimization, 1999",
)

CIFAR10 = Record(
    name="cifar10",
    files=(
        RawFile(
            "cifar10/cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9dddda3db29a59bca1dd",
            md5="c32a1d4ab5d03f1284b67883e8d87530",
            url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        ),
    ),
    source='Toronto CIFAR page, "binary version" (hashes as published)',
    licence="unknown (not verified)",
    manual="put the binary version of the Toronto CIFAR page into cifar10/ of a data directory.",
    citation="Krizhevsky: Learning multiple layers of features from tiny images, 2009",
)

RECORDS: dict[str, Record] = {
    record.name: record
    for record in (
        MNIST,
        FASHION_MNIST,
        ADULT,
        HEART,
        CLEVELAND,
        BCW_KURTZ_BAH,
        BCW_ORIGINAL,
        CREDIT_DEFAULT,
        A1A,
        CIFAR10,
    )
}
