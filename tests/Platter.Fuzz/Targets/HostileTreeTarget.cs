using Platter.Blocks;
using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Fuzz.Targets;

/// <summary>Trees as only an attacker makes them, with links, loops and lies, extracted to a folder of the host.</summary>
internal sealed class HostileTreeTarget : FuzzTarget
{
    public override string Name => "tree";

    public override void Prepare()
    {
        // Each case makes its own tree.
    }

    public override bool Run(Dice dice)
    {
        using var trap = new HostTrap(prepared: dice.OneIn(2));
        using var volume = new HostileVolume(dice);
        var done = Try(() => trap.Extract(VolumeTreeSource.Content(volume), dice));
        trap.CheckNothingEscaped();
        return done;
    }

    private sealed class HostileVolume : Volume
    {
        private static readonly string[] Names =
        [
            "a", "A", "b", "..", ".", "", "/", "a/b", "../x", "/tmp/x", "a\0b", "\0", "there", "folder", "link", "linked", "LINK", "up", "..\\x", "C:", "CON", "nul.txt", "a:b", "x.", "x ", "canary",
            "\uD800", "e\u0301", "é", new string('n', 255), new string('n', 256), new string('ü', 200), "-rf", "~", "*",
        ];

        private static readonly string[] Targets = ["..", "../away", "../away/canary", "../canary", "/", "a", ".", "", "../../etc", "link", "folder/up/canary", new string('t', 5000), "a\0b"];

        private readonly List<(FileMetadata Metadata, List<DirectoryEntry> Entries, int Length)> _nodes = [];

        public HostileVolume(Dice dice)
        {
            var count = dice.Between(2, 25);
            for (var i = 0; i < count; i++)
                _nodes.Add(MakeNode(dice, i));
            for (var i = 0; i < count; i++)
            {
                // Any node can be anywhere, also above itself.
                for (var left = i == 0 ? 12 : dice.Next(8); left > 0; left--)
                {
                    var to = dice.Next(count);
                    var kind = dice.OneIn(10) ? (EntryKind)dice.Next(7) : _nodes[to].Metadata.Kind;
                    _nodes[i].Entries.Add(new DirectoryEntry(dice.Pick(Names), new NodeId((ulong)to), kind));
                }
            }
        }

        public override VolumeInfo Info => new() { Type = "hostile", BlockSize = 512, TotalBytes = 1 << 20, IsClean = true };

        public override Capabilities Capabilities => new()
        {
            Features = Features.SymbolicLinks | Features.HardLinks | Features.DeviceNodes | Features.Mode | Features.Owner | Features.ExtendedAttributes,
            MaxNameLength = 255, NameUnit = NameUnit.Utf16, CaseSensitive = true, MaxFileLength = long.MaxValue,
        };

        public override NodeId RootId => new(0);
        public override IEqualityComparer<string> NameComparer => StringComparer.Ordinal;
        public override long FreeBytes => 0;

        public override bool TryLookup(NodeId directory, string name, out NodeId id)
        {
            var entry = Entries(directory).FirstOrDefault(e => e.Name == name);
            id = entry.Id;
            return entry.Name is not null;
        }

        public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory) => Entries(directory);

        public override FileMetadata GetMetadata(NodeId id) => _nodes[(int)id.Value].Metadata;

        public override VolumeStream OpenRead(NodeId id, StreamName stream) => new HostileStream(_nodes[(int)id.Value].Length);

        public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id) =>
            id.Value % 5 == 3 ? new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["user.x"] = [1, 2], ["security.capability"] = new byte[20], [""] = [], ["user.\0"] = [] } : base.GetExtendedAttributes(id);

        public override IEnumerable<ByteRange> AllocatedRanges() => [];

        private List<DirectoryEntry> Entries(NodeId directory) =>
            _nodes[(int)directory.Value] is { Metadata.Kind: EntryKind.Directory } node ? node.Entries : throw new DirectoryNotFoundException("no directory");

        private static (FileMetadata, List<DirectoryEntry>, int) MakeNode(Dice dice, int number)
        {
            var kind = number == 0 ? EntryKind.Directory : dice.Pick([EntryKind.Directory, EntryKind.Directory, EntryKind.File, EntryKind.File, EntryKind.SymbolicLink, EntryKind.SymbolicLink, (EntryKind)dice.Next(7)]);
            var length = dice.Pick([0, 1, 700, 100_000]);
            var metadata = new FileMetadata
            {
                Kind = kind,
                // What it says and what it has need not be the same.
                Length = dice.OneIn(4) ? (long)(dice.Odd((ulong)length, 8) >> 1) : length,
                AllocatedLength = dice.OneIn(3) ? dice.Next(100_000) : null,
                Mode = dice.OneIn(2) ? dice.Next(0x1000) | 0x1C0 : null, UserId = dice.OneIn(3) ? (uint)dice.Next(70_000) : null, GroupId = dice.OneIn(3) ? uint.MaxValue : null,
                LinkCount = dice.Pick<int?>([null, 0, 1, 2, -1, int.MaxValue]),
                LinkTarget = kind == EntryKind.SymbolicLink && !dice.OneIn(8) ? dice.Pick(Targets) : null,
                Device = dice.OneIn(2) ? new DeviceNumber(1, 3) : null,
                Modified = dice.OneIn(2) ? new Timestamp((long)dice.Odd(0, 8), dice.Next(1_000_000_000)) : null,
            };
            return (metadata, [], length);
        }

        private sealed class HostileStream(int length) : VolumeStream
        {
            public override bool CanWrite => false;
            public override long Length => length;

            public override int ReadAt(long offset, Span<byte> buffer)
            {
                var count = (int)Math.Clamp(length - offset, 0, buffer.Length);
                buffer[..count].Fill(7);
                return count;
            }
        }
    }
}
